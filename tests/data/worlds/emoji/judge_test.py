"""A judge that says yes to what the caption says and no to all else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from gr_jax.data.worlds.emoji.judge import Scores, judge
from gr_jax.data.worlds.emoji.names import article
from gr_jax.data.worlds.emoji.scenes import Scenes
from gr_jax.data.worlds.emoji.world import EmojiWorld
from gr_jax.data.worlds.scenes.relations import NO_RELATION
from tests.reference.drawn_emoji import small_vocabulary

N = 64
EXACT = ("count", "object", "position", "exact")


@pytest.fixture(scope="module")
def scenes(world) -> Scenes:
  """Two or three emoji, so that one can be taken away."""
  drawn = world.scenes(2 * N)
  return drawn[drawn.prompts.counts.sum(axis=1) > 1][:N]


@pytest.fixture(scope="module")
def pictures(world, scenes) -> np.ndarray:
  return np.asarray(world.render(scenes))


@pytest.fixture(scope="module")
def truth(world, scenes, pictures) -> Scores:
  return scored(world, pictures, scenes.prompts)


def scored(world, pictures, prompts) -> Scores:
  return jax.tree.map(np.asarray, world.judge(jnp.asarray(pictures), prompts))


def wrong(scores: Scores) -> set[str]:
  """Names of the exact scores that are not full for any picture."""
  return {name for name in EXACT if np.all(vars(scores)[name] < 1)}


def full(scores: Scores) -> set[str]:
  return {name for name in EXACT if np.all(vars(scores)[name] == 1)}


def with_first(scenes: Scenes, kind) -> Scenes:
  """The scenes with another first emoji."""
  kinds = scenes.kinds.copy()
  kinds[:, 0] = kind
  cells = np.where(kinds >= 0, scenes.cells, -1)
  return dataclasses.replace(scenes, kinds=kinds, cells=cells)


def unused(scenes: Scenes, num: int) -> list[int]:
  """An emoji of each scene that is nowhere in it."""
  return [min(set(range(num)) - set(row)) for row in scenes.kinds.tolist()]


def test_a_drawn_scene_is_right_in_everything(truth):
  assert full(truth) == set(EXACT)
  assert truth.reward.min() > 0.99
  assert truth.reward.max() <= 1 + 1e-6
  assert truth.fidelity.min() > 0.99


def test_noise_and_blur_leave_the_answers_and_lower_the_reward(
  world, scenes, pictures, truth
):
  draw = np.random.default_rng(0).normal(size=pictures.shape)
  last = truth.reward
  for noise, blur in ((0.1, 0), (0.1, 0.5), (0.2, 0.7)):
    seen = scipy.ndimage.gaussian_filter(pictures, (0, blur, blur, 0))
    scores = scored(world, seen + noise * draw, scenes.prompts)
    assert np.all(scores.exact)
    assert np.all(scores.reward < last - 0.01)
    last = scores.reward


def test_a_blank_picture_is_right_in_nothing(world, scenes, pictures):
  scores = scored(world, np.ones_like(pictures), scenes.prompts)
  assert {"count", "object", "exact"} <= wrong(scores)
  np.testing.assert_array_equal(
    scores.position, scenes.prompts.relation == NO_RELATION
  )
  np.testing.assert_allclose(scores.reward, 0.1, atol=1e-6)


def test_an_emoji_too_few_is_a_wrong_count(world, scenes, truth):
  seen = world.render(with_first(scenes, -1))
  scores = scored(world, seen, scenes.prompts)
  assert {"count", "object", "exact"} <= wrong(scores)
  np.testing.assert_array_equal(
    scores.position, scenes.prompts.relation == NO_RELATION
  )
  n = scenes.prompts.counts.sum(axis=1)
  np.testing.assert_allclose(scores.object, (n - 1) / n, rtol=1e-6)
  assert np.all(scores.reward < truth.reward - 0.1)


def test_an_emoji_too_many_costs_as_much_as_one_too_few(
  world, scenes, pictures
):
  fewer = dataclasses.replace(
    scenes.prompts,
    counts=scenes.prompts.counts - (np.arange(3) == 0),
    relation=np.zeros_like(scenes.prompts.relation),
  )
  many = scored(world, pictures, fewer)
  assert {"count", "object", "exact"} <= wrong(many)
  assert np.all(many.position)
  n = scenes.prompts.counts.sum(axis=1)
  np.testing.assert_allclose(many.object, (n - 1) / n, rtol=1e-6)
  np.testing.assert_allclose(many.reward, 0.9 * (n - 1) / n + 0.1, atol=0.01)


def test_another_emoji_is_wrong_in_the_object_only(world, scenes, truth):
  other = with_first(scenes, unused(scenes, len(world.vocabulary)))
  scores = scored(world, world.render(other), scenes.prompts)
  assert {"object", "exact"} <= wrong(scores)
  assert "count" in full(scores)
  assert np.all(scores.reward < truth.reward - 0.15)


def test_no_emoji_passes_for_another_at_any_place(world):
  n = len(world.vocabulary)
  names = world.vocabulary.names
  prompts = world.grammar.parse([f"{article(name)} {name}" for name in names])
  pairs = np.array([(i, j) for i in range(n) for j in range(n)])
  shown, wanted = pairs.T
  for place in range(9):
    scenes = Scenes(
      prompts=prompts[wanted],
      kinds=np.column_stack([shown, -np.ones((n * n, 2), int)]),
      cells=np.tile([place % 4, -1, -1], (n * n, 1)),
      places=np.full((n * n, 3), place),
    )
    scores = scored(world, world.render(scenes), prompts[wanted])
    np.testing.assert_array_equal(scores.exact, shown == wanted)
    np.testing.assert_array_equal(scores.object, shown == wanted)
    assert scores.reward[shown == wanted].min() > 0.99
    assert scores.reward[shown != wanted].max() < 0.35


def test_changed_places_are_wrong_in_position_only(world, scenes, truth):
  related = scenes.prompts.relation != NO_RELATION
  cells = scenes.cells.copy()
  cells[:, [0, 1]] = cells[:, [1, 0]]
  turned = dataclasses.replace(scenes, cells=cells)
  scores = scored(world, world.render(turned), scenes.prompts)
  assert related.sum() > 20
  np.testing.assert_array_equal(scores.position, ~related)
  np.testing.assert_array_equal(scores.exact, ~related)
  assert {"count", "object"} <= full(scores)
  assert np.all((scores.reward < truth.reward - 0.2)[related])
  np.testing.assert_allclose(
    scores.reward[~related], truth.reward[~related], atol=1e-3
  )


def test_the_order_of_groups_does_not_matter(world, scenes):
  prompts = scenes.prompts
  turned = np.where(
    (prompts.counts[:, 2] == 0)[:, None], [[1, 0, 2]], [[2, 1, 0]]
  )
  turned = np.where((prompts.counts[:, 1] == 0)[:, None], [[0, 1, 2]], turned)
  columns = {
    name: np.take_along_axis(vars(prompts)[name], turned, axis=1)
    for name in ("counts", "kinds")
  }
  relation = np.zeros_like(prompts.relation)
  same = dataclasses.replace(prompts, relation=relation)
  other = dataclasses.replace(same, **columns)
  pictures = world.render(scenes[::-1])
  there = scored(world, pictures, same)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
    there,
    scored(world, pictures, other),
  )
  assert np.std(there.reward) > 0.05


def test_every_step_towards_the_scene_raises_the_reward(
  world, scenes, pictures, truth
):
  rng = np.random.default_rng(0)
  starts = {
    "white": np.ones_like(pictures),
    "noise": rng.normal(size=pictures.shape),
    "another scene": np.asarray(world.render(scenes[::-1])),
  }
  for name, start in starts.items():
    rewards = np.array(
      [
        scored(
          world, start + share * (pictures - start), scenes.prompts
        ).reward.mean()
        for share in np.linspace(0, 1, 9)
      ]
    )
    assert np.all(np.diff(rewards[1:]) > 0), (name, rewards)
    assert rewards[-1] > rewards[0] + 0.3
    assert rewards[-1] == pytest.approx(truth.reward.mean(), abs=1e-4)


def test_every_emoji_that_becomes_right_raises_the_reward(world, scenes):
  others = np.array(unused(scenes, len(world.vocabulary)))[:, None]
  rewards = []
  for right in range(4):
    kinds = np.where(np.arange(3) < right, scenes.kinds, others)
    kinds = np.where(scenes.kinds >= 0, kinds, -1)
    mixed = dataclasses.replace(scenes, kinds=kinds)
    scores = scored(world, world.render(mixed), scenes.prompts)
    rewards.append(scores.reward)
  n = (scenes.kinds >= 0).sum(axis=1)
  for right in range(3):
    gain = rewards[right + 1] - rewards[right]
    assert np.all(gain[n > right] > 0.1)
  assert np.max(rewards[0]) < 0.35


def test_odd_pixels_lower_the_reward_a_little(world, scenes, pictures, truth):
  odd = pictures.copy()
  odd[:, :2, :2] = [1, 0, -1]
  scores = scored(world, odd, scenes.prompts)
  assert full(scores) == set(EXACT)
  assert np.all(scores.reward < truth.reward - 0.005)
  assert np.all(scores.reward > truth.reward - 0.2)


def test_a_picture_is_judged_alone(world, scenes, pictures):
  rng = np.random.default_rng(0)
  seen = pictures + 0.1 * rng.normal(size=pictures.shape).astype(np.float32)
  order = rng.permutation(N)
  there = scored(world, seen, scenes.prompts)
  other = scored(world, seen[order], scenes.prompts[order])
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a[order], b, atol=1e-5),
    there,
    other,
  )


def test_a_broken_picture_is_loud(world, scenes, pictures):
  broken = pictures.copy()
  broken[0, 3, 3, 0] = np.nan
  reward = scored(world, broken, scenes.prompts).reward
  assert np.isnan(reward[0])
  assert np.all(reward[1:] > 0.9)


@pytest.mark.slow
@pytest.mark.parametrize(("grid", "cell"), [(3, 16), (2, 24), (4, 32)])
def test_pictures_of_other_sizes_are_judged_as_well(tmp_path, grid, cell):
  world = EmojiWorld(
    0, small_vocabulary(tmp_path, cell=cell), grid=grid, max_objects=4
  )
  scenes = world.scenes(N)
  scores = judge(world.render(scenes), scenes.prompts, world.vocabulary)
  assert np.all(scores.exact)
  assert np.min(scores.reward) > 0.99


@pytest.mark.slow
def test_thousands_of_drawn_scenes_are_right_in_everything(world):
  for batch in range(100):
    scenes = world.scenes(N, batch=batch)
    scores = scored(world, world.render(scenes), scenes.prompts)
    assert np.all(scores.exact), world.captions(scenes.prompts)
    assert np.min(scores.reward) > 0.99
