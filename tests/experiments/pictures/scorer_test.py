"""The stage that trains a scorer."""

import numpy as np
import pytest

from configs import sol_rl
from experiments.pictures.rewards import build_reward
from experiments.pictures.worlds import build_world
from gr_jax.data.requests import TEST


def config_of(steps):
  config = sol_rl.get_config("tiny")
  config.align.reward = "scorer"
  config.scorer.loop.update(steps=steps, log_every=steps)
  return config


def test_a_scorer_is_trained_once_for_the_size_of_its_world(tmp_path):
  config = config_of(2)
  config.scorer.batch_size = 4
  world = build_world(config.world)
  assert world.size == 24
  chosen = build_reward(config, tmp_path, world)
  assert chosen.is_proxy
  assert chosen.inputs == [chosen.artefact.fingerprint]
  scenes = world.scenes(3, split=TEST)
  pictures = np.asarray(world.render(scenes))
  found = chosen.reward((None, scenes.prompts), pictures)
  assert found.shape == (3,)
  assert (found > 0).all()
  assert (found < 1).all()
  again = build_reward(config, tmp_path, world)
  assert again.artefact == chosen.artefact
  np.testing.assert_array_equal(
    again.reward((None, scenes.prompts), pictures), found
  )


@pytest.mark.slow
def test_pictures_as_asked_score_higher_than_others(tmp_path):
  config = config_of(300)
  world = build_world(config.world)
  reward = build_reward(config, tmp_path, world).reward
  scenes = world.scenes(64, split=TEST)
  pictures = np.asarray(world.render(scenes))
  right = reward((None, scenes.prompts), pictures)
  wrong = reward((None, scenes.prompts), np.roll(pictures, 1, axis=0))
  empty = reward((None, scenes.prompts), np.zeros_like(pictures))
  assert right.mean() > wrong.mean() + 0.2
  assert right.mean() > empty.mean() + 0.2
