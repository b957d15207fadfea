"""The objectives that section align names."""

import pytest

from configs import sol_rl
from experiments.pictures.align import passes
from experiments.pictures.objective import (
  OBJECTIVES,
  flow_grpo_config,
  nft_config,
  objective_of,
)
from gr_jax.rl.old_policy import OldPolicy


def section_of(objective, **flow_grpo):
  """A group of 8 in 4 steps that nothing explores."""
  section = sol_rl.get_config("tiny").align
  section.objective = objective
  section.explore.update(candidates=0, weights="")
  section.flow_grpo.update(flow_grpo)
  return section


def test_nft_is_the_default_and_learns_the_times_of_the_sampler():
  section = sol_rl.get_config().align
  assert nft_config(section).learned == 3
  found = objective_of(section)
  assert found.old_policy == OldPolicy(1, 0.9)
  assert found.make_rollout is None


def test_flow_grpo_has_a_rollout_and_an_old_policy_of_its_own():
  found = objective_of(section_of("flow_grpo"))
  assert found.old_policy == OldPolicy(2)
  assert found.make_rollout is not None
  config = flow_grpo_config(section_of("flow_grpo", noise_level=0.5, learned=2))
  assert (config.noise_level, config.choices, config.steps) == (0.5, 2, 4)


def test_what_is_learned_is_paid_for():
  nft, whole = (passes(section_of(name)) for name in ("nft", "flow_grpo"))
  # One time of four; three steps of four have noise.
  assert nft["update"] == 5 * 8 * 1
  assert whole["update"] == 4 * 8 * 3
  some = passes(section_of("flow_grpo", keep=2, learned=1))
  assert some["update"] == 4 * 4 * 1
  assert some["draw"] == nft["draw"] == 8 * 4


@pytest.mark.parametrize("explore", [{"candidates": 96}, {"weights": "nvfp4"}])
def test_flow_grpo_refuses_to_explore(explore):
  section = section_of("flow_grpo")
  section.explore.update(explore)
  with pytest.raises(ValueError, match=r"align\.explore\.candidates") as found:
    objective_of(section)
  assert "\n" not in str(found.value)


def test_more_than_the_group_cannot_be_kept():
  with pytest.raises(ValueError, match=r"keep \(5\).*group \(8\)"):
    objective_of(section_of("flow_grpo", keep=5))


def test_an_unknown_objective_names_those_there_are():
  with pytest.raises(ValueError, match="nft") as found:
    objective_of(section_of("dance_grpo"))
  assert all(name in str(found.value) for name in OBJECTIVES)
