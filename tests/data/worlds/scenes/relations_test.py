"""Places: up is towards the first row, and a pair is two different objects."""

import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.data.worlds.scenes.relations import (
  ABOVE,
  BELOW,
  LEFT,
  RIGHT,
  cell_places,
  draw_cells,
  holds,
  judge_places,
)


@pytest.mark.parametrize(
  ("relation", "first", "second"),
  [
    (LEFT, (0.1, 0.5), (0.5, 0.4)),
    (RIGHT, (0.5, 0.5), (0.1, 0.4)),
    (ABOVE, (0.5, 0.1), (0.4, 0.5)),
    (BELOW, (0.5, 0.5), (0.4, 0.1)),
  ],
)
def test_above_is_towards_the_first_row(relation, first, second):
  first, second = np.array(first), np.array(second)
  assert holds(relation, first, second, margin=0.3)
  assert not holds(relation, first, second, margin=0.5)
  assert not holds(relation, second, first, margin=0.0)


def test_cells_are_numbered_along_rows():
  places = cell_places(3)
  np.testing.assert_array_equal(places[[0, 2, 3]], [[0, 0], [2, 0], [0, 1]])


@pytest.mark.parametrize("grid", [2, 3, 4])
def test_cells_of_a_scene_differ_and_the_first_two_are_as_related(grid):
  relation = np.tile(np.arange(5), 200)
  cells = draw_cells(np.random.default_rng(0), relation, grid=grid, num=3)
  assert all(len(set(row)) == 3 for row in cells.tolist())
  assert set(cells.flat) == set(range(grid**2))
  first, second = (cell_places(grid)[cells[:, k]] for k in (0, 1))
  assert np.all(holds(relation, first, second, margin=0.5))


def judged(relation, *, first, second, credits=None, margin=0.1):
  """Two objects: the one at the left is the first, the other the second."""
  centers = jnp.array([[[0.2, 0.5], [0.8, 0.5]]])
  are = jnp.array([first]), jnp.array([second])
  credits = are if credits is None else credits
  credits = tuple(jnp.asarray(part, jnp.float32) for part in credits)
  holding, place = judge_places(
    np.array([relation]), centers, are=are, credits=credits, margin=margin
  )
  return bool(holding[0]), float(place[0])


def test_a_place_is_of_the_first_as_seen_from_the_second():
  here = {"first": [True, False], "second": [False, True]}
  assert judged(LEFT, **here) == (True, 1)
  assert judged(RIGHT, **here) == (False, 0)
  holding, place = judged(ABOVE, **here)
  assert not holding
  assert place == pytest.approx(1 - 0.1 / 0.3, abs=1e-6)


def test_one_object_is_not_left_of_itself():
  alone = {"first": [True, False], "second": [True, False]}
  assert judged(LEFT, margin=-1, **alone)[1] == 0


def test_a_place_is_worth_the_lesser_of_its_two_objects():
  here = {"first": [True, False], "second": [False, True]}
  credits = [[0.9, 0.0]], [[0.0, 0.4]]
  assert judged(LEFT, credits=credits, **here)[1] == pytest.approx(0.4)
