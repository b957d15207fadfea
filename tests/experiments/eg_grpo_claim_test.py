"""The study runs end to end at its smallest, and says what it should."""

import json
import xml.etree.ElementTree

import numpy as np
import pytest

from configs import eg_grpo_claim as config_file
from experiments import eg_grpo_claim
from experiments.studies.alignment_hits import FIGURES

pytestmark = pytest.mark.slow


def smallest(output: str):
  """Four arms and two seeds on a tiny shop."""
  config = config_file.get_config("tiny")
  config.output = output
  config.arms = ("sft", "sft_longer", "k0", "k2")
  config.seeds = (0, 1)
  config.worlds.shop_world.data.update(
    num_items=120, num_users=40, num_requests=300, num_categories=5,
    clusters_each=3,
  )  # fmt: skip
  config.worlds.shop_world.tokenizer.levels = (4, 4)
  config.worlds.shop_world.generator.examples.batch_size = 8
  config.worlds.shop_world.generator.loop.update(steps=2, checkpoint_every=2)
  config.vectors.dimensions = 4
  config.tokenizer.vae.update(
    hidden=(8,), latent=4, batch_size=32, steps=3, init_iterations=1
  )
  config.generator.prompt.update(history=2, user_buckets=8)
  config.generator.model.update(width=16, head_size=8, feed_forward=16)
  config.generator.loop.log_every = 2
  config.align.group_size = 4
  config.align.prompts.batch_size = 8
  config.align.loop.update(
    steps=2, log_every=1, eval_every=2, checkpoint_every=2
  )
  config.align.validation.update(requests=8, batch_size=8)
  config.evaluation.update(requests=16, batch_size=16)
  return config


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
  return tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def study(folders):
  workdir, output = folders
  return eg_grpo_claim.run(smallest(str(output)), workdir)


def test_table_and_picture_are_written_and_copied(study, folders):
  for name in ("table.md", "table.json", "plot.svg"):
    copies = [(folder / name).read_text() for folder in folders]
    assert copies[0] == copies[1]
  stored = json.loads((folders[0] / "table.json").read_text())
  assert stored["worlds"] == study["worlds"]
  assert str(folders[1]) not in (folders[0] / "table.json").read_text()
  xml.etree.ElementTree.parse(folders[0] / "plot.svg")


def test_every_arm_has_every_figure_against_sft_and_against_no_experts(study):
  rows = study["worlds"]["shop_world"]["hits"]
  assert len(rows) == 2 * 4 * len(FIGURES)
  for row in rows:
    assert row["low"] <= row["difference"] <= row["high"]
    if row["arm"] == row["against"]:
      assert row["difference"] == row["low"] == row["high"] == 0


def test_one_generator_per_seed_is_shared_by_the_arms(study, folders):
  trained = sorted(folders[0].rglob("generator/manifest.json"))
  assert len(trained) == 2
  assert len(list(folders[0].rglob("alignment/manifest.json"))) == 2 * 3
  hits = [np.load(file) for file in folders[0].rglob("hits.npy")]
  world = study["worlds"]["shop_world"]
  assert {array.shape for array in hits} == {(world["requests"], 3)}


def test_the_control_draws_nothing_from_the_policy(study):
  runs = {row["arm"]: row for row in study["worlds"]["shop_world"]["runs"]}
  assert runs.keys() == {"sft_longer", "k0", "k2"}
  assert "kl_last" not in runs["sft_longer"]
  assert 0 <= runs["k2"]["equal_groups"] <= 1


def test_a_second_run_finds_what_the_first_one_left(study, folders):
  manifests = sorted(folders[0].rglob("manifest.json"))
  times = [path.stat().st_mtime_ns for path in manifests]
  config = smallest("")
  config.seeds = (0,)
  again = eg_grpo_claim.run(config, folders[0])["worlds"]["shop_world"]
  assert times == [path.stat().st_mtime_ns for path in manifests]
  assert {row["seeds"] for row in again["hits"]} == {1}


def test_a_study_without_its_baselines_is_told(tmp_path):
  config = smallest("")
  config.arms = ("sft", "k2")
  with pytest.raises(ValueError, match="give 'sft', 'k0' and"):
    eg_grpo_claim.run(config, tmp_path)


def test_an_unknown_preset_is_named():
  with pytest.raises(ValueError, match="'huge'"):
    config_file.get_config("huge")
