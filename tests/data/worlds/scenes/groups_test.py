"""Groups: as many as there may be, and splits of what they say."""

import numpy as np
import pytest

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.worlds.scenes.groups import (
  Groups,
  draw_groups,
  draw_split,
  group_hashes,
  splits_of_hashes,
)
from gr_jax.data.worlds.scenes.relations import ABOVE, LEFT, RIGHT

NUM_THINGS = 11


def draw(n: int, seed: int = 0, **options) -> Groups:
  default = {
    "max_objects": 3,
    "max_groups": 3,
    "num_things": NUM_THINGS,
    "relation_share": 0.5,
  }
  return draw_groups(np.random.default_rng(seed), n, **default | options)


def splits_of(groups: Groups) -> np.ndarray:
  return splits_of_hashes(group_hashes(groups, num_things=NUM_THINGS, seed=0))


def test_every_thing_is_drawn_in_every_group():
  groups = draw(3000)
  for column in range(3):
    there = groups.counts[:, column] > 0
    assert set(groups.things[there, column]) == set(range(NUM_THINGS))


def test_the_hash_is_of_what_is_said():
  def said(counts, things, relation=0):
    groups = Groups(
      np.array([counts]), np.array([things]), np.array([relation])
    )
    return int(group_hashes(groups, num_things=NUM_THINGS, seed=0)[0])

  assert said([1, 2], [3, 4]) == said([2, 1], [4, 3])
  assert said([1, 1], [3, 4], LEFT) == said([1, 1], [4, 3], RIGHT)
  others = [
    said([1, 1], [3, 4], LEFT),
    said([1, 1], [3, 4], RIGHT),
    said([1, 1], [3, 4], ABOVE),
    said([1, 1], [3, 4]),
    said([1, 2], [3, 4]),
    said([2, 1], [3, 4]),
    said([1, 0], [3, 0]),
    said([1, 1], [3, 5]),
  ]
  assert len(set(others)) == len(others)


@pytest.mark.parametrize("split", [TRAIN, VALID, TEST])
def test_a_draw_of_a_split_has_as_many_of_it_as_are_wanted(split):
  rng = np.random.default_rng(0)
  groups = draw_split(
    lambda n: draw(n, seed=int(rng.integers(1000))), splits_of, 70, split=split
  )
  assert len(groups.counts) == len(groups.relation) == 70
  assert np.all(splits_of(groups) == split)


def test_a_split_with_nothing_to_say_raises():
  with pytest.raises(ValueError, match="hold 0 prompts of split 2, 4 are"):
    draw_split(draw, lambda groups: np.zeros(len(groups.counts)), 4, split=TEST)
