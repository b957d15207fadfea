"""The study of Sol-RL: its arms, its costs and its figures."""

import math

import numpy as np
import pytest

from configs import sol_rl_claim
from experiments.pictures.align import passes
from experiments.pipeline.explore import exploration
from experiments.studies.flow_world import FlowWorld
from experiments.studies.sol_rl import (
  GROUP,
  SOL_RL,
  SPEED_UP,
  STUDY,
  VARIANTS,
  reached,
  speed_ups,
)
from experiments.studies.sol_rl_paper import DIRECT, FRECHET, METRICS, WIDE
from experiments.studies.study import page
from experiments.studies.world import changed
from tests.reference.small_studies import run_small


def align_of(arm):
  config = sol_rl_claim.get_config()
  return changed(config, VARIANTS[arm].changes).align


@pytest.mark.parametrize("arm", VARIANTS)
def test_every_arm_can_explore(arm):
  found = exploration(align_of(arm))
  assert (found is None) == (arm == GROUP)


def test_arms_cost_what_the_model_of_cost_says():
  """Of ten steps, three of which are learned; four bits count a quarter."""
  learned = 5 * 24 * 3
  drawn = {
    GROUP: 24 * 10,
    WIDE: 96 * 10,
    DIRECT: 96 * 10 / 4,
    SOL_RL: 96 * 6 / 4 + 24 * 10,
  }
  for arm, expected in drawn.items():
    assert passes(align_of(arm))["all"] == expected + learned


def test_rollouts_of_the_paper_are_as_much_faster():
  """Its 451 s of 24-in-96 are 2.4 times the 187 s of Sol-RL; passes say 2.5."""
  drawn = {
    arm: cost["explore"] + cost["draw"]
    for arm in (WIDE, SOL_RL)
    if (cost := passes(align_of(arm)))
  }
  assert drawn[WIDE] / drawn[SOL_RL] == pytest.approx(2.5)


def test_a_study_is_of_the_judge_alone(tmp_path):
  config = sol_rl_claim.get_config("tiny")
  config.align.reward = "scorer"
  with pytest.raises(ValueError, match="set it to 'judge'"):
    FlowWorld(config, "shapes", tmp_path)


def test_a_curve_reaches_its_target_between_two_validations():
  assert reached([0, 10, 20], [0.1, 0.3, 0.4], 0.2) == pytest.approx(5)
  assert reached([0, 10, 20], [0.1, 0.3, 0.4], 0.4) == 20
  assert reached([0, 10, 20], [0.1, 0.3, 0.4], 0.0) == 0
  assert math.isinf(reached([0, 10, 20], [0.1, 0.3, 0.4], 0.5))


class Noted:
  """A world with curves of two seeds."""

  def __init__(self, curves):
    self.notes = {
      "runs": {
        name: [{"updates": [0, 10, 20], "rewards": one} for one in seeds]
        for name, seeds in curves.items()
      }
    }

  def facts(self):
    return {"cost": {GROUP: {"all": 600}, SOL_RL: {"all": 750}}}


def test_a_speed_up_is_of_cost_and_not_of_updates():
  """Twice the reward an update at 1.25 times the cost."""
  base = [[0, 0.1, 0.2]] * 2
  world = Noted({GROUP: base, SOL_RL: [[0, 0.2, 0.4]] * 2})
  columns = {0: {"reward": np.zeros(3)}, 1: {"reward": np.zeros(3)}}
  rows = speed_ups(world, {GROUP: columns, SOL_RL: columns})
  found = {row["arm"]: row for row in rows}
  assert found[GROUP]["value"] == 1
  assert found[SOL_RL]["value"] == pytest.approx(2 / 1.25)
  assert found[SOL_RL]["metric"] == SPEED_UP
  slow = Noted({GROUP: base, SOL_RL: [[0, 0.05, 0.1]] * 2})
  rows = speed_ups(slow, {GROUP: columns, SOL_RL: columns})
  assert rows[1]["value"] == 0
  flat = Noted({GROUP: [[0, 0, 0]] * 2, SOL_RL: base})
  rows = speed_ups(flat, {GROUP: columns, SOL_RL: columns})
  assert rows[1]["value"] is None


@pytest.mark.slow
def test_the_study_runs_and_writes_its_page():
  record, _, out = run_small("sol_rl")
  text = (out / "table.md").read_text()
  assert text == page(record, STUDY)
  assert {"table.md", "table.json", "plot.svg", "claims.json"} <= {
    path.name for path in out.iterdir()
  }
  (view,) = record.views()
  assert view.measured == ["before", "group"]
  assert view.find("reward", "group", "before") is not None
  others = {SPEED_UP, FRECHET}
  assert set(METRICS) >= {row["metric"] for row in record.rows} - others
  assert view.find(FRECHET, "group", "before")["compared"] == 2
  assert "Frechet distance" in text
  assert view.find(SPEED_UP, "group") is not None
  assert "passes to draw" not in text  # No other arm to compare with.
