"""Credits grow with what is right."""

import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.data.worlds.shapes.credits import credits_of
from gr_jax.data.worlds.shapes.found_objects import RADII, FoundObjects
from gr_jax.data.worlds.shapes.palette import CORNERS
from gr_jax.data.worlds.shapes.prompts import Prompts

RED, CYAN, CIRCLE, SQUARE = 4, 3, 0, 1


def credit(*, rgb, fits, radius=0.09) -> float:
  """What the one object of a picture is worth as a red circle."""
  table = np.full((1, 8, 5), -1.0, np.float32)
  table[0, 0] = fits
  found = FoundObjects(
    count=jnp.ones(1, int),
    present=jnp.arange(8)[None] == 0,
    colors=jnp.full((1, 8), RED),
    kinds=jnp.full((1, 8), CIRCLE),
    rgb=jnp.tile(jnp.asarray(rgb, jnp.float32), (1, 8, 1)),
    fits=jnp.asarray(table),
    centers=jnp.full((1, 8, 2), 0.5),
    radii=jnp.full((1, 8), radius),
    background=jnp.zeros((1, 3)),
  )
  prompts = Prompts(
    counts=np.array([[1]]),
    colors=np.array([[RED]]),
    kinds=np.array([[CIRCLE]]),
    relation=np.array([0]),
    background=np.array([0]),
  )
  credits = np.asarray(credits_of(found, prompts))
  assert credits.shape == (1, 1, 8)
  assert not credits[0, 0, 1:].any()
  return float(credits[0, 0, 0])


CIRCLES = [1, 0.9, 0.7, 0.9, 0.5]
SQUARES = [0.9, 1, 0.7, 0.9, 0.5]


def test_right_is_one_half_right_a_quarter_and_wrong_nothing():
  red, cyan = CORNERS[RED], CORNERS[CYAN]
  assert credit(rgb=red, fits=CIRCLES) == pytest.approx(1, abs=1e-3)
  assert credit(rgb=red, fits=SQUARES) == pytest.approx(0.25, abs=1e-3)
  assert credit(rgb=cyan, fits=CIRCLES) == pytest.approx(0.25, abs=1e-3)
  assert credit(rgb=cyan, fits=SQUARES) == pytest.approx(0, abs=1e-3)


def test_credit_grows_with_color_fit_and_plausible_size():
  colors = np.linspace(CORNERS[CYAN], CORNERS[RED], 6)
  by_color = [credit(rgb=rgb, fits=CIRCLES) for rgb in colors]
  assert np.all(np.diff(by_color) > 0)
  fits = np.linspace([0.98, 1, 0, 0, 0], [1, 0.98, 0, 0, 0], 6)
  by_fit = [credit(rgb=CORNERS[RED], fits=row) for row in fits]
  assert np.all(np.diff(by_fit) > 0)
  low, high = RADII
  by_size = [
    credit(rgb=CORNERS[RED], fits=CIRCLES, radius=r)
    for r in (low / 2, low, high, 2 * high)
  ]
  assert by_size[0] < by_size[1]
  assert by_size[1] == by_size[2]
  assert by_size[2] > by_size[3]
