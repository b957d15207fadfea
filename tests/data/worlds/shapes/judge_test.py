"""A judge that says yes to what the caption says and no to all else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from gr_jax.data.worlds.scenes.relations import NO_RELATION
from gr_jax.data.worlds.shapes.captions import captions, parse_captions
from gr_jax.data.worlds.shapes.judge import Scores, judge
from gr_jax.data.worlds.shapes.outlines import KINDS
from gr_jax.data.worlds.shapes.palette import COLORS
from gr_jax.data.worlds.shapes.render import render
from gr_jax.data.worlds.shapes.scenes import Scenes
from gr_jax.data.worlds.shapes.world import ShapesWorld

N = 48
EXACT = ("count", "color", "shape", "object", "position", "background", "exact")


@pytest.fixture(scope="module")
def scenes() -> Scenes:
  """Two to six shapes, so that one can be taken away."""
  drawn = ShapesWorld(0, num_backgrounds=2).scenes(2 * N)
  return drawn[drawn.prompts.counts.sum(axis=1) > 1][:N]


@pytest.fixture(scope="module")
def truth(scenes) -> Scores:
  return scored(scenes, scenes)


def scored(shown: Scenes, wanted: Scenes) -> Scores:
  return jax.tree.map(np.asarray, judge(render(shown), wanted.prompts))


def wrong(scores: Scores) -> set[str]:
  """Names of the exact scores that are not full for any picture."""
  return {name for name in EXACT if np.all(vars(scores)[name] < 1)}


def full(scores: Scores) -> set[str]:
  return {name for name in EXACT if np.all(vars(scores)[name] == 1)}


def with_first(scenes: Scenes, **values) -> Scenes:
  """The scenes with another first shape."""
  columns = {name: vars(scenes)[name].copy() for name in values}
  for name, value in values.items():
    columns[name][:, 0] = value
  return dataclasses.replace(scenes, **columns)


def test_a_drawn_scene_is_right_in_everything(truth):
  assert full(truth) == set(EXACT)
  assert truth.reward.min() > 0.95
  assert truth.reward.max() <= 1
  assert truth.fidelity.min() > 0.85


def test_noise_and_blur_leave_the_answers_and_lower_the_reward(scenes, truth):
  pictures = np.asarray(render(scenes))
  draw = np.random.default_rng(0).normal(size=pictures.shape)
  last = truth.reward.mean()
  for noise, blur in ((0.1, 0), (0.1, 0.5)):
    seen = scipy.ndimage.gaussian_filter(pictures, (0, blur, blur, 0))
    scores = judge(jnp.asarray(seen + noise * draw), scenes.prompts)
    assert np.mean(scores.exact) >= 0.99
    assert np.mean(scores.reward) < last - 0.02
    last = np.mean(scores.reward)


def test_a_blank_picture_is_right_in_nothing(scenes):
  blank = jnp.zeros((N, 32, 32, 3))
  scores = jax.tree.map(np.asarray, judge(blank, scenes.prompts))
  assert {"count", "color", "shape", "object", "exact"} <= wrong(scores)
  related = scenes.prompts.relation != NO_RELATION
  np.testing.assert_array_equal(scores.position, ~related)
  assert scores.reward.max() <= 0.1 + 1e-6


def test_a_shape_too_few_is_a_wrong_count(scenes, truth):
  scores = scored(with_first(scenes, kinds=-1, colors=-1), scenes)
  assert {"count", "color", "shape", "object", "exact"} <= wrong(scores)
  related = scenes.prompts.relation != NO_RELATION
  np.testing.assert_array_equal(scores.position, ~related)
  n = scenes.prompts.counts.sum(axis=1)
  np.testing.assert_allclose(scores.object, (n - 1) / n, rtol=1e-6)
  assert np.all(scores.reward < truth.reward - 0.1)


def test_a_shape_too_many_is_a_wrong_count(scenes):
  fewer = dataclasses.replace(
    scenes.prompts,
    counts=scenes.prompts.counts - (np.arange(3) == 0),
    relation=np.zeros_like(scenes.prompts.relation),
  )
  scores = jax.tree.map(np.asarray, judge(render(scenes), fewer))
  assert {"count", "color", "shape", "object", "exact"} <= wrong(scores)
  assert np.all(scores.position)
  n = scenes.prompts.counts.sum(axis=1)
  np.testing.assert_allclose(scores.object, (n - 1) / n, rtol=1e-6)


def test_another_color_is_wrong_in_color_only(scenes, truth):
  # A color that is nowhere in the scene, whatever its distance.
  unused = [
    min(set(range(len(COLORS))) - set(row)) for row in scenes.colors.tolist()
  ]
  scores = scored(with_first(scenes, colors=unused), scenes)
  assert {"color", "object", "exact"} <= wrong(scores)
  assert {"count", "shape", "background"} <= full(scores)
  assert np.all(scores.reward < truth.reward - 0.05)


def test_another_kind_is_wrong_in_shape_only(scenes, truth):
  unused = [
    min(set(range(len(KINDS))) - set(row)) for row in scenes.kinds.tolist()
  ]
  scores = scored(with_first(scenes, kinds=unused), scenes)
  assert {"shape", "object", "exact"} <= wrong(scores)
  assert {"count", "color", "background"} <= full(scores)
  assert np.all(scores.reward < truth.reward - 0.05)


def test_changed_places_are_wrong_in_position_only(scenes, truth):
  centers = scenes.centers.copy()
  centers[:, [0, 1]] = centers[:, [1, 0]]
  related = scenes.prompts.relation != NO_RELATION
  scores = scored(dataclasses.replace(scenes, centers=centers), scenes)
  np.testing.assert_array_equal(scores.position, ~related)
  np.testing.assert_array_equal(scores.exact, ~related)
  assert {"count", "background"} <= full(scores)
  assert np.all((scores.reward < truth.reward - 0.05)[related])


def test_another_background_is_wrong_in_background_only(scenes, truth):
  other = dataclasses.replace(
    scenes.prompts, background=1 - scenes.prompts.background
  )
  scores = jax.tree.map(np.asarray, judge(render(scenes), other))
  assert wrong(scores) == {"background", "exact"}
  assert full(scores) == set(EXACT) - {"background", "exact"}
  assert np.all(scores.reward < truth.reward - 0.05)


def test_exchanged_colors_are_wrong_in_the_pairs_only(scenes):
  two = parse_captions(["a red circle and a blue square"] * N)
  swapped = parse_captions(["a blue circle and a red square"] * N)
  shown = dataclasses.replace(
    scenes,
    kinds=np.tile(np.int32([0, 1, -1, -1, -1, -1]), (N, 1)),
    colors=np.tile(np.int32([4, 1, -1, -1, -1, -1]), (N, 1)),
    prompts=two,
  )
  right = jax.tree.map(np.asarray, judge(render(shown), two))
  scores = jax.tree.map(np.asarray, judge(render(shown), swapped))
  assert full(right) == set(EXACT)
  assert full(scores) == set(EXACT) - {"object", "exact"}
  assert not scores.object.any()
  assert np.all(scores.reward < right.reward - 0.3)


def test_the_order_of_groups_does_not_matter(scenes, truth):
  prompts = scenes.prompts
  turned = np.where(
    (prompts.counts[:, 2] == 0)[:, None], [[1, 0, 2]], [[2, 1, 0]]
  )
  turned = np.where((prompts.counts[:, 1] == 0)[:, None], [[0, 1, 2]], turned)
  columns = {
    name: np.take_along_axis(vars(prompts)[name], turned, axis=1)
    for name in ("counts", "colors", "kinds")
  }
  relation = np.zeros_like(prompts.relation)
  other = dataclasses.replace(prompts, relation=relation, **columns)
  same = dataclasses.replace(prompts, relation=relation)
  pictures = render(scenes[::-1])
  there = judge(pictures, same)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
    there,
    judge(pictures, other),
  )
  assert np.std(there.reward) > 0.05


def test_every_shape_that_becomes_right_raises_the_reward(scenes):
  shown = ShapesWorld(5).scenes(N)
  shown = dataclasses.replace(shown, prompts=scenes.prompts)
  rewards = []
  for right in range(7):
    columns = {
      name: np.concatenate(
        [vars(scenes)[name][:, :right], vars(shown)[name][:, right:]], axis=1
      )
      for name in ("kinds", "colors")
    }
    # The places are those of the scene, six of which are always apart.
    mixed = dataclasses.replace(
      scenes,
      radii=np.full_like(scenes.radii, 0.09),
      centers=_six_places(),
      **columns,
    )
    prompts = dataclasses.replace(
      scenes.prompts, relation=np.zeros_like(scenes.prompts.relation)
    )
    rewards.append(np.asarray(judge(render(mixed), prompts).reward))
  means = np.mean(rewards, axis=1)
  assert np.all(np.diff(means) > 0.02)
  assert means[0] < 0.35
  assert means[-1] > 0.97


def _six_places() -> np.ndarray:
  cells = np.array([[x, y] for y in (0, 1) for x in (0, 1, 2)])
  return np.tile(((cells + 0.5) / 3).astype(np.float32), (N, 1, 1))


def test_a_picture_is_judged_alone(scenes):
  rng = np.random.default_rng(0)
  pictures = np.asarray(render(scenes)) + 0.1 * rng.normal(size=(N, 32, 32, 3))
  order = rng.permutation(N)
  there = judge(jnp.asarray(pictures), scenes.prompts)
  other = judge(jnp.asarray(pictures[order]), scenes.prompts[order])
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a[order], b, atol=1e-5),
    there,
    other,
  )


def test_a_broken_picture_is_loud(scenes):
  broken = render(scenes).at[0, 3, 3, 0].set(jnp.nan)
  reward = np.asarray(judge(broken, scenes.prompts).reward)
  assert np.isnan(reward[0])
  assert np.all(reward[1:] > 0.9)


@pytest.mark.slow
@pytest.mark.parametrize("size", [24, 48, 64])
def test_pictures_of_other_sizes_are_judged_as_well(size):
  scenes = ShapesWorld(0, size=size, num_backgrounds=3).scenes(N)
  scores = judge(render(scenes, size=size), scenes.prompts)
  assert np.mean(scores.exact) == 1
  assert np.min(scores.reward) > 0.9


@pytest.mark.slow
def test_thousands_of_drawn_scenes_are_right_in_everything():
  world = ShapesWorld(2, num_backgrounds=3)
  for batch in range(100):
    scenes = world.scenes(N, batch=batch)
    scores = judge(render(scenes), scenes.prompts)
    assert np.all(scores.exact), captions(scenes.prompts)
    assert np.min(scores.reward) > 0.94
