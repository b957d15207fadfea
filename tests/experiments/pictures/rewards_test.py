"""Which reward alignment raises, and what guards it."""

import numpy as np
import pytest

from configs import sol_rl
from experiments.pictures.rewards import build_reward, check_reward, guard_of
from experiments.pictures.worlds import build_world
from gr_jax.rl.guard import RewardGuard


def config_of(reward, **guard):
  config = sol_rl.get_config("tiny")
  config.align.reward = reward
  config.align.guard.update(guard)
  return config


def test_the_judge_is_the_gold_reward_and_needs_no_guard(tmp_path):
  config = config_of("judge")
  world = build_world(config.world)
  chosen = build_reward(config, tmp_path, world)
  assert not chosen.is_proxy
  assert chosen.inputs == []
  assert guard_of(config.align) is None
  scenes = world.scenes(4)
  rewards = chosen.reward((None, scenes.prompts), world.render(scenes))
  np.testing.assert_array_equal(
    rewards, world.judge(world.render(scenes), scenes.prompts).reward
  )


def test_a_scorer_is_guarded_unless_that_is_off():
  assert guard_of(config_of("scorer").align) == RewardGuard(0.01)
  assert guard_of(config_of("scorer", fall=0.05).align).fall == 0.05
  assert guard_of(config_of("scorer", fall=0.0).align) is None


def test_what_cannot_be_a_reward_is_refused_before_anything_is_trained():
  with pytest.raises(ValueError, match="use one of judge, scorer"):
    check_reward(config_of("taste"))
  with pytest.raises(ValueError, match="give a positive number"):
    check_reward(config_of("scorer", fall=-0.1))
  config = config_of("scorer")
  config.world.source = "emoji"
  with pytest.raises(ValueError, match="'emoji' draws none: set"):
    check_reward(config)
