"""The study runs end to end at its smallest, and says what it should."""

import json
import xml.etree.ElementTree

import numpy as np
import pytest

from configs import cq_sid_claim as config_file
from experiments import cq_sid_claim

pytestmark = pytest.mark.slow

BEAMS = (1, 4)


def smallest(output: str):
  """Two arms and two seeds on a tiny shop."""
  config = config_file.get_config("tiny")
  config.output = output
  config.arms = ("rq_vae", "cq_sid")
  config.seeds = (0, 1)
  config.table_beams = BEAMS
  config.worlds.shop_world.data.update(
    num_items=120, num_users=40, num_requests=300, num_categories=5,
    clusters_each=3,
  )  # fmt: skip
  config.worlds.shop_world.tokenizer.levels = (4, 4)
  config.vectors.dimensions = 4
  config.tokenizer.vae.update(
    hidden=(8,), latent=4, batch_size=32, steps=3, init_iterations=1
  )
  config.generator.prompt.update(history=2, user_buckets=8)
  config.generator.examples.update(batch_size=8, targets=2)
  config.generator.model.update(width=16, head_size=8, feed_forward=16)
  config.generator.loop.update(steps=2, log_every=2, checkpoint_every=2)
  config.evaluation.update(requests=16, beams=BEAMS, batch_size=16)
  return config


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
  return tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def study(folders):
  workdir, output = folders
  return cq_sid_claim.run(smallest(str(output)), workdir)


def test_table_and_picture_are_written_and_copied(study, folders):
  for name in ("table.md", "table.json", "plot.svg"):
    copies = [(folder / name).read_text() for folder in folders]
    assert copies[0] == copies[1]
  stored = json.loads((folders[0] / "table.json").read_text())
  assert stored["worlds"] == study["worlds"]
  assert str(folders[1]) not in (folders[0] / "table.json").read_text()
  xml.etree.ElementTree.parse(folders[0] / "plot.svg")


def test_the_table_warns_that_crowded_ids_are_easier_to_hit(study, folders):
  text = (folders[0] / "table.md").read_text()
  assert "fewer distinct IDs" in text
  assert "RQ-VAE" in text
  assert "2 seeds" in text


def test_every_arm_kind_level_and_beam_has_a_figure(study):
  world = study["worlds"]["shop_world"]
  assert len(world["hits"]) == 2 * 2 * 2 * len(BEAMS)
  assert len(world["widths"]) == 2 * 2 * 2
  assert world["level_sizes"] == [5, 4, 4]


def test_the_baseline_does_not_differ_from_itself(study):
  for row in study["worlds"]["shop_world"]["hits"]:
    if row["arm"] == "rq_vae":
      assert row["difference"] == row["low"] == row["high"] == 0


def test_an_id_is_hit_at_least_as_often_as_an_item(study):
  values = {
    (row["requests"], row["arm"], row["beam"], row["level"]): row["value"]
    for row in study["worlds"]["shop_world"]["hits"]
  }
  for (*key, level), value in values.items():
    if level == "item":
      assert value <= values[*key, "id"]


def test_stored_hits_are_those_of_the_same_requests_for_every_arm(
  study, folders
):
  files = sorted(folders[0].rglob("semantic.npz"))
  assert len(files) == 4
  shapes = {np.load(file)["id"].shape for file in files}
  assert shapes == {(study["worlds"]["shop_world"]["requests"], len(BEAMS))}


def test_a_second_run_finds_what_the_first_one_left(study, folders):
  manifests = sorted(folders[0].rglob("manifest.json"))
  times = [path.stat().st_mtime_ns for path in manifests]
  config = smallest("")
  config.seeds = (0,)
  again = cq_sid_claim.run(config, folders[0])["worlds"]["shop_world"]
  assert times == [path.stat().st_mtime_ns for path in manifests]
  first = study["worlds"]["shop_world"]
  assert [row["seeds"] for row in again["hits"]] == [1] * len(first["hits"])
  for name in ("items", "requests", "users", "level_sizes"):
    assert again[name] == first[name]


def test_an_unknown_arm_is_named(tmp_path):
  config = smallest("")
  config.arms = ("rq_vae", "cq_sids")
  with pytest.raises(ValueError, match=r"cq_sids.*there are: rq_vae"):
    cq_sid_claim.run(config, tmp_path)


def test_an_unknown_preset_is_named():
  with pytest.raises(ValueError, match="'huge'"):
    config_file.get_config("huge")
