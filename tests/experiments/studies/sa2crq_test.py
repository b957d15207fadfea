"""A variant differs from its neighbour by its line in the study."""

import pytest

from configs import sa2crq_claim
from experiments.studies import sa2crq, sa2crq_page, sa2crq_paper
from experiments.studies.record import View, load_record
from experiments.studies.world import changed
from tests.experiments.studies.study_test import RESULTS
from tests.reference.small_studies import run_small, smallest

CONFIG = sa2crq_claim.get_config()
VARIANTS = sa2crq.variants(CONFIG)


def tokenizer_section(name):
  variant = VARIANTS[name]
  return changed(CONFIG, variant.changes).tokenizers[variant.make].to_dict()


def test_every_tokenizer_of_a_variant_is_there():
  for preset in sa2crq_claim.PRESETS:
    config = sa2crq_claim.get_config(preset)
    variants = sa2crq.variants(config)
    for name in config.variants:
      made_of = variants[name].make
      assert made_of is None or made_of in config.tokenizers
      changed(config, variants[name].changes)


def test_quantizers_share_generator_autoencoder_and_steps():
  generators, autoencoders = [], []
  for name, variant in VARIANTS.items():
    if variant.make in ("rq_vae", "sa2crq"):
      autoencoders.append(tokenizer_section(name)["vae"] | {"levels": ()})
    if variant.make and variant.make != "dsi":
      config = changed(CONFIG, variant.changes)
      generators.append(config.generator.to_dict())
  assert all(one == generators[0] for one in generators)
  assert all(one == autoencoders[0] for one in autoencoders)


def test_budgets_are_all_that_three_variants_differ_by():
  sections = [tokenizer_section(f"sarq_{tau}") for tau in sa2crq.TAUS]
  budgets = [section.pop("tau_items") for section in sections]
  assert budgets == [(5.0, 5.0), (10.0, 10.0), (20.0, 20.0)]
  assert sections[0] == sections[1] == sections[2]


def test_tiger_is_the_rq_vae_with_numbers():
  tiger, plain = map(tokenizer_section, ("tiger", "rq_vae"))
  assert tiger == plain | {"collisions": "suffix"}


def test_splits_are_only_tokenized_and_bm25_has_one_answer():
  splits = {name for name, one in VARIANTS.items() if not one.measured}
  assert splits == set(sa2crq_claim.SPLITS)
  assert VARIANTS["quarter"].label == "[64, 128, 256]"
  assert {n for n, one in VARIANTS.items() if one.deterministic} == {"bm25"}
  assert {n for n, one in VARIANTS.items() if one.seeds} == {"dsi", "nci"}


def test_a_wider_beam_is_all_that_the_control_of_tiger_changes():
  wide = VARIANTS["tiger_wide"]
  assert wide.changes == {"evaluation.beam": 700}
  assert wide.changes["evaluation.beam"] > CONFIG.evaluation.beam


def test_a_kind_that_the_period_lacks_is_named(tmp_path):
  config = smallest("sa2crq")
  config.evaluation.kinds = ("semantic", "resting")
  with pytest.raises(ValueError, match="'resting'"):
    sa2crq.run(config, tmp_path)


@pytest.fixture(scope="module")
def study():
  return load_record(RESULTS / "sa2crq_claim/table.json")


def cells(table, label):
  (line,) = [
    line for line in table.splitlines() if line.startswith(f"| {label} ")
  ]
  return [cell.strip() for cell in line.split("|")[2:-1]]


def test_table_one_has_the_papers_columns_of_an_unconstrained_beam(study):
  view = View(study, "complete_journey")
  table = sa2crq_page.table_1(view)
  ours = table.partition("Personalised")[0]
  assert cells(ours, "BM25") == ["-", "1.0000", "1.0000", "1.0000", "2000"]
  first = view.find(
    f"semantic/unconstrained/all/{sa2crq_paper.COLUMNS[0]}",
    "sa2crq_10",
    "tiger",
  )
  shown = cells(ours, view.labels["sa2crq_10"])[0]
  assert float(shown) == pytest.approx(first["value"], abs=5e-5)
  assert ours.count("(head)") == ours.count("(tail)") == 3


def test_a_ranker_has_no_hallucination(study):
  view = View(study, "complete_journey")
  table = sa2crq_page.differences(view)
  wide = table.split("all items of equally many IDs:")[1]
  wide = wide.partition("requests, head")[0]
  assert cells(wide, "BM25")[-2:] == ["-", "-"]
  row = view.find("semantic/unconstrained/all/hallucination", "tiger")
  low, high = (100 * row[name] for name in ("value_low", "value_high"))
  shown = f"{100 * row['value']:.1f} [{low:.1f}, {high:.1f}]"
  assert cells(wide, "TIGER")[-1] == shown


def test_segments_say_how_many_requests_they_have(study):
  view = View(study, "complete_journey")
  table = sa2crq_page.segment_table(view, "semantic")
  row = view.find("semantic/catalogue/head/recall@100", "tiger")
  assert f"head ({row['n']:,}) R@100" in table.splitlines()[0]


def test_table_two_has_splits_and_variants(study):
  view = View(study, "complete_journey")
  table, facts = sa2crq_page.table_2(view), view.facts["ids"]["sa2crq_20"]
  lengths = [f"{facts[f'length_{part}']:.2f}" for part in ("head", "tail")]
  assert cells(table, "SA2CRQ, 20 items")[-2:] == lengths
  assert cells(table, "[64, 128, 256]")
  assert "BM25" not in table


def test_the_papers_figures_stand_on_the_page(study):
  page = sa2crq_page.table_1(View(study, "complete_journey"))
  page += sa2crq_page.table_2(View(study, "complete_journey"))
  for value in ("0.7231", "914", "0.4288", "1.6597", "2.806"):
    assert value in page
  assert "Two readings of recall" in sa2crq_page.method(study)


def test_a_source_has_its_note(study):
  assert "product types" in sa2crq_page.heading(View(study, "complete_journey"))
  beauty = load_record(RESULTS / "sa2crq_claim_beauty/table.json")
  assert "product types" not in sa2crq_page.heading(
    View(beauty, "amazon_reviews")
  )


def test_the_papers_rows_have_its_columns():
  assert all(
    len(row) == len(sa2crq_paper.COLUMNS)
    for row in sa2crq_paper.TABLE_1.values()
  )
  names = {name for name, _ in sa2crq_paper.TABLE_1}
  assert set(sa2crq_paper.SAME.values()) <= names


def values(record, arm, prefix):
  return {
    row["metric"].rpartition("/")[2]: row["value"]
    for row in record.rows
    if (row["arm"], row["baseline"]) == (arm, "tiger")
    and row["metric"].startswith(f"{prefix}/")
  }


@pytest.mark.slow
def test_tiger_names_one_item_an_id_and_all_figures_are_shares():
  record, _, _ = run_small("sa2crq")
  assert values(record, "tiger", "semantic/catalogue/all")["items"] == 12
  for arm in ("tiger", "sa2crq_10"):
    for decoding in ("catalogue", "unconstrained"):
      found = values(record, arm, f"semantic/{decoding}/all")
      del found["items"]
      assert all(0 <= value <= 1 for value in found.values())


@pytest.mark.slow
def test_a_wider_beam_trains_nothing():
  record, work, _ = run_small("sa2crq")
  kept = {path.name for path in work.glob("shop_world/seed_0/tiger_wide/*")}
  assert kept == {"hits"}
  wide = values(record, "tiger_wide", "semantic/catalogue/all")
  assert wide["items"] == 20
  ids = record.worlds["shop_world"]["ids"]
  assert set(ids) == {"half", "tiger", "sa2crq_10"}


@pytest.mark.slow
def test_rankers_rank_every_item_of_a_small_shop():
  record, _, _ = run_small("sa2crq")
  for arm in ("bm25", "dpr"):
    found = values(record, arm, "semantic/catalogue/all")
    assert found["items"] == 120
    assert found["recall@all"] == 1
