"""The study runs end to end at its smallest, and says what it should."""

import json
import xml.etree.ElementTree

import pytest

from configs import genrec_claim as config_file
from experiments import genrec_claim

pytestmark = pytest.mark.slow

ARMS = ("point_wise", "page_wise", "page_wise_tokens")


def smallest(output: str):
  """One seed and one alignment on a tiny shop."""
  config = config_file.get_config("tiny")
  config.output = output
  config.policies = ("grpo_sr",)
  shop = config.worlds.shop_world
  shop.data.update(
    num_items=120, num_users=40, num_requests=300, num_categories=5,
    clusters_each=3,
  )  # fmt: skip
  shop.levels = (4, 4)
  for examples in shop.examples.values():
    examples.batch_size = 8
  config.vectors.dimensions = 4
  config.tokenizer.iterations = 1
  config.generator.prompt.update(history=2, user_buckets=8)
  config.generator.model.update(width=16, head_size=8, feed_forward=16)
  config.generator.loop.update(steps=2, log_every=2)
  config.preference.network.update(width=4, hidden=(4,))
  config.preference.update(batch_size=64, epochs=1)
  config.align.update(group_size=2)
  config.align.prompts.update(batch_size=8)
  config.align.loop.update(
    steps=2, log_every=1, eval_every=2, checkpoint_every=2
  )
  config.align.validation.update(requests=8, batch_size=8)
  config.evaluation.update(requests=16, batch_size=16, unconstrained_beam=4)
  return config


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
  return tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def study(folders):
  workdir, output = folders
  return genrec_claim.run(smallest(str(output)), workdir)


def test_table_and_picture_are_written_and_copied(study, folders):
  for name in ("table.md", "table.json", "plot.svg"):
    copies = [(folder / name).read_text() for folder in folders]
    assert copies[0] == copies[1]
  stored = json.loads((folders[0] / "table.json").read_text())
  assert stored["worlds"] == study["worlds"]
  assert str(folders[1]) not in (folders[0] / "table.json").read_text()
  xml.etree.ElementTree.parse(folders[0] / "plot.svg")
  assert "Equal tokens" in (folders[0] / "table.md").read_text()


def test_arms_have_one_budget_of_tokens(study):
  budget = study["worlds"]["shop_world"]["budget"]
  pages = budget["page_wise"]["tokens"]
  for arm in ARMS:
    step = budget[arm]["tokens"] / budget[arm]["steps"]
    assert abs(budget[arm]["tokens"] - pages) <= step / 2 + 1e-6
  assert budget["page_wise"]["steps"] == budget["page_wise_tokens"]["steps"]


def test_a_merged_prompt_is_two_positions_an_item(study):
  prefill = study["worlds"]["shop_world"]["prefill"]
  assert prefill["page_wise"]["positions"] == 1 + 2 * 2
  assert prefill["page_wise_tokens"]["positions"] == 1 + 2 * 3


def test_a_baseline_does_not_differ_from_itself(study):
  rows = study["worlds"]["shop_world"]["rows"]
  same = [row for row in rows if row["arm"] == row["baseline"]]
  assert same
  for row in same:
    assert row["difference"] == row["low"] == row["high"] == 0


def test_alignment_is_judged_by_the_model_and_by_the_truth(study):
  rows = study["worlds"]["shop_world"]["rows"]
  found = {
    row["metric"]: row["value"]
    for row in rows
    if (row["arm"], row["baseline"]) == ("grpo_sr", "page_wise")
  }
  assert {"hallucination", "learned_reward", "true_reward"} <= found.keys()
  assert all(0 <= value <= 1 for value in found.values())


def test_a_second_run_finds_what_the_first_one_left(study, folders):
  manifests = sorted(folders[0].rglob("manifest.json"))
  times = [path.stat().st_mtime_ns for path in manifests]
  again = genrec_claim.run(smallest(""), folders[0])
  assert times == [path.stat().st_mtime_ns for path in manifests]
  shop = study["worlds"]["shop_world"]
  assert again["worlds"]["shop_world"]["rows"] == shop["rows"]


@pytest.mark.parametrize("key", ["arms", "policies"])
def test_an_unknown_name_is_told(tmp_path, key):
  config = smallest("")
  config[key] = ("page_wize",)
  with pytest.raises(ValueError, match=r"page_wize.*there are:"):
    genrec_claim.run(config, tmp_path)


def test_an_unknown_preset_is_named():
  with pytest.raises(ValueError, match="'huge'"):
    config_file.get_config("huge")
