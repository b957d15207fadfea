"""Variants differ in weights and first rows alone; a loss is a sum of codes."""

import numpy as np
import pytest

from configs import pretrained_claim
from experiments.studies import pretrained
from experiments.studies.world import changed
from tests.reference.small_studies import run_small


def section(name):
  config = pretrained_claim.get_config()
  return changed(config, pretrained.VARIANTS[name].changes).generator


def test_variants_differ_in_what_they_begin_with_and_train():
  found = {name: section(name).to_dict() for name in pretrained.VARIANTS}
  begun = {name: one.pop("pretrained") for name, one in found.items()}
  assert all(one == found["text"] for one in found.values())
  assert {name: one["rows"] for name, one in begun.items()} == {
    "scratch": "random",
    "scratch_text": "text",
    "text": "text",
    "mean": "mean",
    "random": "random",
  }
  for name in ("scratch", "scratch_text"):
    scratch = begun[name]
    assert scratch["path"] == "random"
    assert scratch["random"]["like"] == begun["text"]["path"] == "smollm2"
    assert scratch["lora"]["rank"] == 0 < begun["text"]["lora"]["rank"]


def test_the_first_targets_of_a_request_are_scored():
  class Requests:
    rows = np.arange(2)
    targets = (np.array([4, 2, 3]), np.array([1]))

  codes = 10 * np.arange(5)[:, None] + np.arange(3)
  found, mask = pretrained._target_codes(Requests, codes)
  assert mask.tolist() == [[True, True], [True, False]]
  np.testing.assert_array_equal(found[mask], codes[[4, 2, 1]])


@pytest.mark.slow
def test_every_variant_has_a_loss_and_the_minutes_that_it_took():
  record, _, out = run_small("pretrained")
  world = record.worlds["shop_world"]
  for name in pretrained.VARIANTS:
    row = record.find("shop_world", pretrained.LOSS, name, "scratch")
    assert 0 < row["value"] < 20
    assert world["training"][name]["minutes"] > 0
  assert "minus random weights" in (out / "table.md").read_text()
