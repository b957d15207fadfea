"""Sol-RL's two stages over a policy of four numbers."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.rl.explore import Exploration
from gr_jax.rl.pictures.rollouts import (
  make_rollout,
  make_two_stage_rollout,
  pictures_of,
  reward_samples,
)
from gr_jax.rl.pictures.samples import PictureBatch
from gr_jax.rl.rewards.checked import BadReward
from tests.reference.flow_policy import D, generate, nearness, params

B, G, N = 3, 4, 12
BATCH = PictureBatch(
  np.array([[0.0], [1.0], [-1.0]], np.float32).repeat(D, axis=1),
  np.array([[0.5], [1.5], [-1.0]], np.float32).repeat(D, axis=1),
)
KEY = jax.random.key(0)


def two_stage(explore=None, candidates=N, reward=nearness):
  rollout = make_two_stage_rollout(
    explore or generate(10),
    generate(10),
    reward,
    exploration=Exploration(candidates, G),
    rows=16,
  )
  return rollout(params(), None, BATCH, KEY)


def test_a_picture_that_is_drawn_again_is_the_same():
  """Whatever its place in the batch, and the pictures beside it."""
  seeds = jnp.arange(N).reshape(1, N)
  prompts = BATCH.prompts[:1]
  whole = pictures_of(generate(10), params(), prompts, seeds, rows=16)
  again = pictures_of(generate(10), params(), prompts, seeds[:, ::-5], rows=16)
  np.testing.assert_array_equal(again, whole[:, ::-5])


def test_as_many_candidates_as_are_learned_are_the_plain_rollout():
  plain = make_rollout(generate(10), group_size=G, rows=16)
  found, expected = two_stage(candidates=G), plain(params(), None, BATCH, KEY)
  np.testing.assert_array_equal(found.seeds, expected.seeds)
  np.testing.assert_array_equal(found.pictures, expected.pictures)


def test_the_kept_are_the_best_and_the_worst_of_all_candidates():
  """With a sampler as good as the second stage's: naive scaling."""
  whole = make_rollout(generate(10), group_size=N, rows=16)
  everything = whole(params(), None, BATCH, KEY)
  rewards = reward_samples(nearness)(BATCH, everything)
  found = two_stage()
  for row in range(B):
    order = np.argsort(-rewards[row])
    expected = {*order[:2].tolist(), *order[-2:].tolist()}
    kept = np.isin(everything.seeds[row], found.seeds[row])
    assert set(np.flatnonzero(kept)) == expected
  again = reward_samples(nearness)(BATCH, found)
  np.testing.assert_allclose(
    found.figures["preview_reward"], again.mean(axis=1), rtol=1e-5
  )


def test_no_number_of_the_first_stage_is_learned():
  """Previews that are all wrong, but in the same order, change nothing."""

  def poisoned(params, prompts, seeds):
    return 1e6 * generate(10)(params, prompts, seeds)

  def restored(prompts, pictures):
    largest = np.abs(pictures).max()
    return nearness(prompts, pictures / 1e6 if largest > 1e3 else pictures)

  expected, found = two_stage(), two_stage(poisoned, reward=restored)
  np.testing.assert_array_equal(found.seeds, expected.seeds)
  np.testing.assert_array_equal(found.pictures, expected.pictures)


def test_pictures_are_of_the_second_stages_sampler():
  found = two_stage(explore=generate(2))
  expected = pictures_of(
    generate(10), params(), BATCH.prompts, found.seeds, rows=16
  )
  np.testing.assert_array_equal(found.pictures, expected)
  chex.assert_shape(found.pictures, (B, G, D))


def test_both_samplers_read_all_parameters():
  """An adapter alone is trained; what it is joined to is drawn with."""

  def whole(adapter):
    return jax.tree.map(lambda x: x + 1, adapter)

  options = {"exploration": Exploration(N, G), "rows": 16}
  stages = generate(10), generate(10), nearness
  joined = make_two_stage_rollout(*stages, **options, whole=whole)
  plain = make_two_stage_rollout(*stages, **options)
  chex.assert_trees_all_equal(
    joined(params(), None, BATCH, KEY), plain(params(1.0), None, BATCH, KEY)
  )
  joined = make_rollout(generate(10), group_size=G, whole=whole, rows=16)
  plain = make_rollout(generate(10), group_size=G, rows=16)
  chex.assert_trees_all_equal(
    joined(params(), None, BATCH, KEY), plain(params(1.0), None, BATCH, KEY)
  )


def test_without_a_second_sampler_the_previews_are_learned():
  """As the dear sampler would draw them again, if it is what explores."""
  expected = two_stage()
  alone = make_two_stage_rollout(
    generate(10), None, nearness, exploration=Exploration(N, G), rows=16
  )
  found = alone(params(), None, BATCH, KEY)
  np.testing.assert_array_equal(found.seeds, expected.seeds)
  np.testing.assert_array_equal(found.pictures, expected.pictures)


def test_the_explorers_parameters_draw_the_first_stage_alone():
  rollout = make_two_stage_rollout(
    generate(10),
    generate(10),
    nearness,
    exploration=Exploration(N, G),
    explorer=lambda old: jax.tree.map(lambda x: x + 1, old),
    rows=16,
  )
  found = rollout(params(), None, BATCH, KEY)
  moved = rollout(params(-1), None, BATCH, KEY)
  np.testing.assert_array_equal(moved.seeds, two_stage().seeds)
  expected = pictures_of(
    generate(10), params(), BATCH.prompts, found.seeds, rows=16
  )
  np.testing.assert_array_equal(found.pictures, expected)


def test_exploring_raises_the_contrast_of_what_is_learned():
  def spread(samples):
    return reward_samples(nearness)(BATCH, samples).std(axis=1).mean()

  assert spread(two_stage()) > 1.2 * spread(two_stage(candidates=G))


def test_a_reward_that_is_not_finite_names_its_place():
  def broken(prompts, pictures):
    values = nearness(prompts, pictures)
    values[5] = np.nan
    return values

  with pytest.raises(BadReward, match="prompt 0 of the batch, member 5"):
    two_stage(reward=broken)
