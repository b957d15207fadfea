"""The study runs end to end at its smallest, and says what it should."""

import json
import xml.etree.ElementTree

import pytest

from configs import sa2crq_claim as config_file
from experiments import sa2crq_claim

pytestmark = pytest.mark.slow


def smallest(output: str):
  """One seed of two generators, both baselines and one split on a tiny shop."""
  config = config_file.get_config("tiny")
  config.output = output
  config.arms = ("bm25", "dpr", "tiger", "tiger_wide", "sa2crq_10")
  config.splits = ("half",)
  config.data.update(
    num_items=120, num_users=40, num_requests=300, num_categories=5,
    clusters_each=3,
  )  # fmt: skip
  config.vectors.dimensions = 4
  config.recipes = config_file.recipes(codes=4)
  for recipe in config.recipes.values():
    recipe.seeds = (0,)
  config.recipes.tiger_wide.beam = 20
  config.tokenizers = config_file.tokenizers(codes=4)
  for name in ("rq_vae", "sa2crq"):
    config.tokenizers[name].vae.update(
      hidden=(8,), latent=4, batch_size=64, steps=4, init_rows=64,
      init_iterations=1,
    )  # fmt: skip
  config.tokenizers.sa2crq.tail_steps = 2
  config.dual_encoder.model.update(
    width=8, heads=1, head_size=8, feed_forward=8
  )
  config.dual_encoder.training.update(steps=2, batch_size=8)
  config.generator.prompt.update(history=2, user_buckets=8)
  config.generator.examples.update(batch_size=8, targets=4)
  config.generator.model.update(width=16, head_size=8, feed_forward=16)
  config.generator.loop.update(steps=2, log_every=2)
  config.evaluation.update(requests=16, batch_size=16, beam=12)
  return config


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
  return tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def study(folders):
  workdir, output = folders
  return sa2crq_claim.run(smallest(str(output)), workdir)


def values(study, **wanted):
  return {
    row["metric"]: row["value"]
    for row in study["rows"]
    if wanted.items() <= row.items()
  }


def test_table_and_picture_are_written_and_copied(study, folders):
  for name in ("table.md", "table.json", "plot.svg"):
    copies = [(folder / name).read_text() for folder in folders]
    assert copies[0] == copies[1]
  stored = json.loads((folders[0] / "table.json").read_text())
  assert stored["rows"]["arm"] == [row["arm"] for row in study["rows"]]
  assert stored["rows"]["value"] == [row["value"] for row in study["rows"]]
  assert str(folders[1]) not in (folders[0] / "table.json").read_text()
  xml.etree.ElementTree.parse(folders[0] / "plot.svg")
  page = (folders[0] / "table.md").read_text()
  assert "Two readings of recall" in page
  assert "[2, 2, 4]" in page


def test_tiger_names_one_item_an_id_and_all_figures_are_shares(study):
  kind = {"requests": "semantic", "segment": "all"}
  tiger = values(study, arm="tiger", decoding="catalogue", **kind)
  assert tiger["items"] == 12
  for arm in ("tiger", "sa2crq_10"):
    for decoding in ("catalogue", "free"):
      found = values(study, arm=arm, decoding=decoding, **kind)
      del found["items"]
      assert all(0 <= value <= 1 for value in found.values())


def test_a_wider_beam_trains_nothing(study, folders):
  kept = {path.name for path in (folders[0] / "seed_0/tiger_wide").iterdir()}
  assert kept == {"hits"}
  wide = values(study, arm="tiger_wide", decoding="catalogue", segment="all")
  assert wide["items"] == 20
  assert set(study["ids"]) == {"half", "tiger", "sa2crq_10"}


def test_floors_rank_every_item_of_a_small_shop(study):
  for arm in ("bm25", "dpr"):
    found = values(study, arm=arm, requests="semantic", segment="all")
    assert found["items"] == 120
    assert found["recall@all"] == 1


def test_a_second_run_finds_what_the_first_one_left(study, folders):
  manifests = sorted(folders[0].rglob("manifest.json"))
  times = [path.stat().st_mtime_ns for path in manifests]
  again = sa2crq_claim.run(smallest(""), folders[0])
  assert times == [path.stat().st_mtime_ns for path in manifests]
  assert again["rows"] == study["rows"]
  assert again["ids"] == study["ids"]


def test_an_unknown_arm_is_told(tmp_path):
  config = smallest("")
  config.arms = ("tiger", "tigger")
  with pytest.raises(ValueError, match=r"tigger.*use one of"):
    sa2crq_claim.run(config, tmp_path)


def test_an_unknown_preset_is_named():
  with pytest.raises(ValueError, match="'huge'"):
    config_file.get_config("huge")
