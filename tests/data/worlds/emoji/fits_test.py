"""Fits: one for the emoji itself, less for all else."""

import jax
import numpy as np
import pytest

from gr_jax.data.worlds.emoji.fits import (
  LEAST_FIT,
  fits_of,
  ink_at_places,
)

measured = jax.jit(fits_of)


@pytest.fixture(scope="module")
def table(vocabulary) -> np.ndarray:
  return np.asarray(ink_at_places(vocabulary.sprites, cell=16))


def test_an_emoji_fits_itself_at_every_place_and_no_other(table):
  fits, errors = measured(table, table)
  n = len(table)
  own = np.eye(n, dtype=bool)[:, None]
  fits = np.asarray(fits)
  np.testing.assert_allclose(
    fits[np.broadcast_to(own, fits.shape)], 1, rtol=1e-5
  )
  assert np.max(np.where(own, 0, fits)) < LEAST_FIT
  np.testing.assert_allclose(errors, 0, atol=1e-5)


def test_fits_and_errors_are_those_of_the_definition(table):
  rng = np.random.default_rng(0)
  cells = rng.uniform(-2, 0, (2, 3, 16, 16, 3)).astype(np.float32)
  cells[1] += 1.2 * table[4, :3]

  def alike(x, t):
    return 2 * np.sum(x * t) / (np.sum(x**2) + np.sum(t**2))

  def less_mean(x):
    return x - x.mean(axis=(0, 1))

  fits, errors = measured(cells, table)
  for b in range(2):
    for m in range(3):
      x = cells[b, m]
      wanted = [
        max(min(alike(x, t), alike(less_mean(x), less_mean(t))) for t in row)
        for row in table
      ]
      np.testing.assert_allclose(fits[b, m], wanted, atol=1e-4)
      nearest = min(np.mean((x - t) ** 2) for row in table for t in row)
      least = min(np.mean(x**2), nearest)
      np.testing.assert_allclose(errors[b, m], least, atol=1e-4)


def test_an_empty_cell_fits_nothing_and_is_no_error(table):
  fits, errors = measured(np.zeros((1, 1, 16, 16, 3), np.float32), table)
  assert not np.any(fits)
  assert not np.any(errors)


@pytest.mark.parametrize("gain", [0.3, 0.6, 1.5])
def test_a_weaker_or_stronger_one_fits_less(table, gain):
  fits, _ = measured(gain * table[:1], table)
  np.testing.assert_allclose(fits[0, :, 0], 2 * gain / (1 + gain**2), rtol=1e-4)


def test_a_dark_cell_fits_nothing_well(table):
  fits, _ = measured(np.full((1, 1, 16, 16, 3), -2, np.float32), table)
  assert np.max(fits) < 0.1


def test_places_are_spread_evenly_from_edge_to_edge():
  ink = np.asarray(ink_at_places(np.zeros((1, 20, 20, 3)), cell=24))[0, ..., 0]
  rows, columns = ink.any(axis=2), ink.any(axis=1)
  assert rows.argmax(axis=1).tolist() == [0, 0, 0, 2, 2, 2, 4, 4, 4]
  assert columns.argmax(axis=1).tolist() == [0, 2, 4] * 3
