import numpy as np
import pytest

from experiments.studies.alignment_figures import (
  hit_rows,
  run_figures,
  run_rows,
)
from gr_jax.evaluation.results import select

USERS = np.repeat(np.arange(20), 2)


def hits(rate):
  """Two seeds; the first `rate` of the requests are hit in every figure."""
  one = np.zeros((40, 3), bool)
  one[: round(40 * rate)] = True
  return [one, one]


def test_differences_are_to_sft_and_to_no_experts():
  rows = list(
    hit_rows({"sft": hits(0.2), "k0": hits(0.3), "k2": hits(0.5)}, USERS)
  )
  for against, expected in (("sft", 0.3), ("k0", 0.2)):
    for row in select(rows, arm="k2", against=against):
      assert row["value"] == pytest.approx(0.5)
      assert row["difference"] == pytest.approx(expected)
      assert row["agreeing"] == row["seeds"] == 2
      assert row["low"] > 0


def test_a_run_is_told_by_its_medians_and_its_ends():
  rows = [
    {"step": 0, "eval/hit_rate@10": 0.5},
    *(
      {
        "align/equal_groups": equal,
        "align/rollout_seconds": 1.0,
        "align/update_seconds": 2.0,
        "align/reward": equal,
      }
      for equal in (0.1, 0.5, 0.2)
    ),
  ]
  found = run_figures(rows)
  assert found["equal_groups"] == 0.2
  assert (found["reward_first"], found["reward_last"]) == (0.1, 0.2)
  assert "kl_last" not in found
  seeds = [found, found | {"equal_groups": 0.4}]
  (row,) = run_rows({"sft": [], "k0": seeds})
  assert row["arm"] == "k0"
  assert row["equal_groups"] == pytest.approx(0.3)
