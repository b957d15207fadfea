import re

import numpy as np
import pytest

from gr_jax.evaluation import results
from gr_jax.evaluation.report import report_file, verdicts
from gr_jax.evaluation.report.retrieval_page import retrieval_page
from tests.reference.plain_lists import from_lists

KINDS = ("semantic", "personalised", "next_basket")
SYSTEMS = {
  "cq_sid": "model",
  "popularity": "baseline",
  "item_knn": "baseline",
  "bm25": "baseline",
}


def _results():
  rng = np.random.default_rng(2)
  rows, models = [], {}
  for kind in KINDS:
    relevant = from_lists(rng.integers(0, 60, (30, 3)))
    for system, role in SYSTEMS.items():
      ranked = np.stack([rng.permutation(60)[:20] for _ in range(30)])
      for seen in ("kept", "out"):
        measured = results.measure(
          ranked,
          relevant,
          id_of_item=np.arange(60) // 2,
          head=np.arange(60) < 30,
        )
        names = {"system": system, "role": role, "requests": kind, "seen": seen}
        if role == "model":
          models[kind] = measured
        model = None if role == "model" else models[kind]
        rows += results.rows(measured, names, model=model, resamples=20)
  return rows


@pytest.fixture(scope="module")
def report(tmp_path_factory):
  path = tmp_path_factory.mktemp("report") / "report.json"
  figure = {"value": 0.2, "low": 0.1, "high": 0.3, "n": 30}
  return report_file.write_report(
    path,
    config={"name": "<b>cq & co</b>", "generator": {"width": 64}},
    seconds={"prepare": 1.0, "train": 200.0},
    results=_results(),
    quality=[
      {"metric": metric, "level": level, "value": 4.0}
      for metric in ("codes_used", "perplexity")
      for level in (1, 2)
    ],
    level_sizes=[8, 8],
    items_per_id=[10, 3, 1],
    history={"generator": [{"step": s, "train/loss": 1.0} for s in (1, 2)]},
    beams=[{"requests": "semantic", "beam": b, **figure} for b in (1, 10)],
    hallucination=[{"requests": "semantic", **figure}],
    fallback=[
      {"system": "bm25", "requests": "semantic", "seen": "kept", "share": 0.125}
    ],
    choices=[
      {"system": "item_knn", "requests": "semantic", "setting": "last=7"}
      | {"chosen": True, **figure}
    ],
  )


@pytest.fixture(scope="module")
def text(report):
  return retrieval_page(report)


def test_the_page_says_of_how_many_requests_it_speaks(report):
  rows = [
    {"requests": "semantic", "split": "test", "n": 30, "of": 30},
    {"requests": "next_basket", "split": "valid", "n": 30, "of": 4567},
  ]
  text = retrieval_page(report | {"sampled": rows})
  assert "Semantic requests of the test period that led to a click" in text
  assert "or order: all 30." in text
  assert "Next basket requests of the valid period" in text
  assert "or order: 30 of 4,567, drawn at random." in text


def test_every_system_and_kind_of_requests_is_there(text):
  for system in SYSTEMS:
    assert f"<td>{system}</td>" in text
  for kind in KINDS:
    assert f"{kind.replace('_', ' ')}, 30 requests" in text
  assert text.count(">cq_sid minus it</th>") >= len(KINDS)


def test_the_first_line_says_who_is_best_and_where_the_model_stands(report):
  text = retrieval_page(report)
  summary = verdicts.summary(verdicts.shown(report["results"]))
  assert summary.count("cq_sid") == len(KINDS)
  first = re.search(r"</h1><p[^>]*>(.*?)</p>", text, re.DOTALL)[1]
  assert first.startswith(summary)
  assert first.endswith("the run took 3 min 21 s.")


def test_a_model_below_a_baseline_on_validation_is_a_warning(report):
  names = {"level": "item", "segment": "all", "metric": "recall", "k": 10}
  look = [
    row | {"value": 0.9 if row["system"] == "bm25" else 0.1}
    for row in results.select(report["results"], requests="semantic", **names)
  ]
  outcome = {"step": 30, "ended": 60, "steps": 60, "loss": 3.0, "patience": 0}
  text = retrieval_page(report | {"second_look": look, "outcome": outcome})
  found = re.search(r'<p class="warning">(.*?)</p>', text)[1]
  assert found == "On validation a baseline is above the model in 2 places."
  assert "semantic, bm25 has recall@10 0.900 where cq_sid has 0.100" in text
  assert text.index(found) < text.index("Against the baselines")
  assert "recall@10 on validation" in text
  assert "step 30 is used, held-out loss 3." in text


def test_comparisons_are_counted_and_said_to_be_uncorrected(text):
  count = len(KINDS) * (len(SYSTEMS) - 1)
  assert f"These are {count} comparisons." in text
  assert "none is corrected for their number" in text


def test_requests_that_a_baseline_could_not_read_and_settings_are_shown(text):
  assert "<td>12.5%</td>" in text
  assert "<td>last=7</td>" in text


def test_the_page_needs_nothing_from_outside(text):
  assert not re.search(r"https?:|//\w|<script|<link|<img|@import", text)
  assert set(re.findall(r"url\((.)", text)) == {"#"}


def test_every_picture_says_in_words_what_it_shows(text):
  pictures = re.findall(r"<svg[^>]*>", text)
  assert len(pictures) == 8
  for picture in pictures:
    assert 'role="img"' in picture
    assert re.search(r'aria-label="[^"]{20,}"', picture)
  assert text.count("<figcaption>") == 8


def test_names_are_unique_on_the_page(text):
  names = re.findall(r' id="([^"]*)"', text)
  assert len(names) == len(set(names))


def test_what_the_config_says_is_text_not_markup(text):
  assert "&lt;b&gt;cq &amp; co&lt;/b&gt;" in text
  assert "<b>cq" not in text


def test_what_a_report_does_not_have_is_left_out():
  bare = {"config": {}, "versions": {}, "seconds": {}, "results": []}
  text = retrieval_page(bare)
  assert "<svg" not in text
  for heading in ("Search", "Training", "Semantic IDs", "Head against tail"):
    assert heading not in text


@pytest.mark.parametrize(
  ("ends", "verdict"),
  [
    ((0.05, 0.1, 0.15), "ahead: +0.1000 [+0.0500, +0.1500]"),
    ((-0.15, -0.1, -0.05), "behind: -0.1000 [-0.1500, -0.0500]"),
    ((-0.1, 0.1, 0.3), "not distinguishable: +0.1000 [-0.1000, +0.3000]"),
  ],
)
def test_the_tile_follows_the_paired_interval(ends, verdict):
  common = {
    "requests": "semantic",
    "level": "item",
    "seen": "kept",
    "segment": "all",
    "metric": "recall",
    "k": 10,
    "n": 9,
    "low": 0.0,
    "high": 1.0,
  }
  names = ("difference_low", "difference", "difference_high")
  rows = [
    {"system": "m", "role": "model", "value": 0.5} | dict.fromkeys(names),
    {"system": "bm25", "role": "baseline", "value": 0.4}
    | dict(zip(names, ends)),
  ]
  report = {
    "config": {},
    "versions": {},
    "seconds": {},
    "results": [row | common for row in rows],
  }
  tile = re.search(
    r'<div class="tile">.*?</div>', retrieval_page(report), re.DOTALL
  )[0]
  assert "best other: bm25 0.4000" in tile
  assert verdict in tile


def test_the_tile_is_of_the_runs_own_model_even_where_another_is_better(report):
  rows = [
    row
    | {
      "system": "dpr",
      "role": "model",
      "value": 0.99,
      "low": 0.98,
      "high": 1.0,
    }
    for row in report["results"]
    if row["system"] == "bm25"
  ]
  text = retrieval_page(report | {"results": report["results"] + rows})
  tiles = re.findall(r'<div class="tile"><span>(.*?)</span>', text)
  assert tiles
  assert all("cq_sid" in tile for tile in tiles)


def test_the_title_names_models_only(report):
  before = [
    row | {"system": "before_alignment", "role": "before"}
    for row in tidy(report, "cq_sid")
  ]
  text = retrieval_page(report | {"results": report["results"] + before})
  assert "<title>cq_sid against its baselines</title>" in text
  assert "<td>before_alignment</td>" in text


def test_a_dual_encoder_counts_as_a_baseline_where_it_has_that_role(report):
  rows = [
    row | {"system": "dpr", "value": 0.99, "low": 0.98, "high": 1.0}
    for row in tidy(report, "bm25")
  ]
  text = retrieval_page(report | {"results": report["results"] + rows})
  assert text.count("best other: dpr 0.9900") == len(KINDS)


def tidy(report, system):
  return results.select(report["results"], system=system)


def test_stages_of_different_commits_are_one_warning_at_the_top(report):
  seconds = {"train": 1.0, "evaluate": 2.0}
  parts = report | {"seconds": seconds}
  same = parts | {"commits": dict.fromkeys(seconds, "abc")}
  assert "warning" not in retrieval_page(same).partition("<body>")[2]
  mixed = parts | {"commits": {"train": "abc", "evaluate": "def"}}
  body = retrieval_page(mixed).partition("<body>")[2]
  warnings = re.findall(r'<p class="warning">(.*?)</p>', body)
  assert len(warnings) == 1
  assert "abc, def" in warnings[0]
  assert body.index("warning") < body.index("<h2>")
  for commit in ("abc", "def"):
    assert f"<td>{commit}</td>" in body


def test_what_was_too_large_is_said(report):
  row = {"system": "ease", "reason": "it is too large"}
  page = retrieval_page({**report, "left_out": [row]})
  assert "ease is left out: it is too large." in page
  assert "left out:" not in retrieval_page(report)


def test_the_share_of_known_targets_is_said_of_both_splits(report):
  known = {"target_known": {"train": 0.255, "valid": 0.25}}
  assert "25.5% in train, 25.0% in valid" in retrieval_page(report | known)
  assert "transitions know" not in retrieval_page(report)


def test_the_command_the_machine_and_the_seeds_are_on_the_page(report):
  origin = {
    "command": "python -m gr_jax.main --config=cq_sid",
    "commit": "abc1234",
    "machine": "1 x cpu, 2 cores",
  }
  text = retrieval_page(report | {"origin": origin, "config": {"seed": 7}})
  for part in (*origin.values(), "7, all of them"):
    assert f"<dd>{part}</dd>" in text


def test_where_nobody_takes_an_item_twice_the_page_says_so(report):
  sampled = [
    {"requests": kind, "split": "test", "n": 30, "of": 30, "repeated": 0.004}
    for kind in KINDS
  ]
  text = retrieval_page(report | {"sampled": sampled})
  assert "Nobody takes an item twice here" in text
  assert "next basket 0.4\u00a0%" in text
  tiles = re.findall(r'<div class="tile"><span>(.*?)</span>', text)
  assert all(tile.endswith("seen items out") for tile in tiles)
  assert "Recall@10, item level, seen items kept" in text
  assert "Nobody takes" not in retrieval_page(report)


def test_a_system_that_is_named_by_what_it_is_has_an_article(report):
  rows = [row | {"system": "model"} for row in tidy(report, "cq_sid")]
  text = retrieval_page(report | {"results": rows})
  assert "<title>The model against its baselines</title>" in text
