"""Prompts: what is drawn, and which split it is in."""

import dataclasses

import numpy as np
import pytest

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.worlds.scenes.relations import (
  ABOVE,
  BELOW,
  LEFT,
  NO_RELATION,
  RIGHT,
)
from gr_jax.data.worlds.shapes.prompts import (
  Prompts,
  draw_prompts,
  prompt_hashes,
  splits_of,
)


def draw(n: int, **options) -> Prompts:
  default = {
    "max_objects": 6,
    "max_groups": 3,
    "relation_share": 0.5,
    "num_backgrounds": 3,
  }
  return draw_prompts(np.random.default_rng(0), n, **default | options)


@pytest.fixture(scope="module")
def drawn() -> Prompts:
  return draw(6000)


def one(counts, colors, kinds, relation=NO_RELATION) -> Prompts:
  return Prompts(
    counts=np.array([counts]),
    colors=np.array([colors]),
    kinds=np.array([kinds]),
    relation=np.array([relation]),
    background=np.array([0]),
  )


def test_numbers_of_shapes_are_equally_frequent(drawn):
  total = np.bincount(drawn.counts.sum(axis=1), minlength=7)
  assert total[0] == 0
  np.testing.assert_allclose(total[1:], 1000, atol=150)


def test_groups_of_a_prompt_differ_and_empty_ones_come_last(drawn):
  pair = np.where(drawn.counts > 0, drawn.colors * 5 + drawn.kinds, -1)
  pair = np.where(pair < 0, -1 - np.arange(3), pair)
  assert all(len(set(row)) == 3 for row in pair.tolist())
  assert not np.any((drawn.counts == 0)[:, :-1] & (drawn.counts > 0)[:, 1:])


def test_only_two_single_shapes_are_related(drawn):
  related = drawn.relation != NO_RELATION
  assert np.all(drawn.counts[related][:, :2] == 1)
  several = drawn.counts.sum(axis=1) > 1
  np.testing.assert_allclose(related[several].mean(), 0.5, atol=0.03)
  assert set(drawn.relation) == {NO_RELATION, LEFT, RIGHT, ABOVE, BELOW}


@pytest.mark.parametrize("max_groups", [1, 2, 6])
@pytest.mark.parametrize("max_objects", [1, 2, 6])
def test_bounds_are_kept(max_objects, max_groups):
  drawn = draw(300, max_objects=max_objects, max_groups=max_groups)
  total = drawn.counts.sum(axis=1)
  assert total.min() == 1
  assert total.max() == max_objects
  groups = (drawn.counts > 0).sum(axis=1)
  assert drawn.counts.shape == (300, max_groups)
  assert groups.max() == min(max_groups, max_objects)
  related = drawn.relation != NO_RELATION
  assert np.all(groups[related] > 1)


def test_the_order_of_groups_does_not_change_a_prompt():
  a = one([2, 1], [4, 1], [0, 1])
  b = one([1, 2], [1, 4], [1, 0])
  assert prompt_hashes(a, seed=3) == prompt_hashes(b, seed=3)
  assert prompt_hashes(a, seed=3) != prompt_hashes(a, seed=4)
  assert prompt_hashes(a, seed=3) != prompt_hashes(
    one([1, 2], [4, 1], [0, 1]), seed=3
  )


def test_left_of_is_right_of_the_other_way_round():
  groups, turned = ([1, 1], [4, 1], [0, 1]), ([1, 1], [1, 4], [1, 0])
  for relation, opposite in ((LEFT, RIGHT), (ABOVE, BELOW)):
    there = prompt_hashes(one(*groups, relation), seed=0)
    assert there == prompt_hashes(one(*turned, opposite), seed=0)
    assert there != prompt_hashes(one(*turned, relation), seed=0)
    assert there != prompt_hashes(one(*groups), seed=0)
  assert prompt_hashes(one(*groups, LEFT), seed=0) != prompt_hashes(
    one(*groups, ABOVE), seed=0
  )


def test_splits_have_their_shares_and_ignore_the_background(drawn):
  split = splits_of(drawn, seed=0)
  shares = [np.mean(split == part) for part in (TRAIN, VALID, TEST)]
  np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.05)
  other = dataclasses.replace(drawn, background=np.zeros_like(drawn.background))
  np.testing.assert_array_equal(split, splits_of(other, seed=0))
