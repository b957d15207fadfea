"""Times of training and of samplers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.diffusion.times import (
  LogitNormal,
  resolution_shift,
  shift_times,
  time_grid,
)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.2, 8))
def test_a_shift_keeps_ends_and_order(a, b, shift):
  low, high = sorted((a, b))
  np.testing.assert_allclose(shift_times(np.float64(low), 1.0), low)
  assert shift_times(low, shift) <= shift_times(high, shift) + 1e-12
  assert shift_times(0.0, shift) == 0
  np.testing.assert_allclose(shift_times(1.0, shift), 1)
  # Above 1 it moves toward the noise.
  assert (shift_times(low, shift) - low) * (shift - 1) >= -1e-12


def test_a_shift_undoes_its_inverse():
  t = jnp.linspace(0, 1, 11)
  np.testing.assert_allclose(shift_times(shift_times(t, 3.0), 1 / 3.0), t, 1e-6)


def test_four_times_the_tokens_shift_by_two():
  assert resolution_shift(4096, unshifted=1024) == 2
  # SD3, eq. 23, at the middle of the path.
  np.testing.assert_allclose(shift_times(0.5, 2.0), 2 / 3)


def test_logits_of_times_have_their_mean_and_deviation():
  drawn = LogitNormal(0.5, 0.8).sample(jax.random.key(0), 20_000)
  logits = np.log(drawn) - np.log1p(-drawn)
  assert drawn.min() > 0
  assert drawn.max() < 1
  np.testing.assert_allclose(logits.mean(), 0.5, atol=0.02)
  np.testing.assert_allclose(logits.std(), 0.8, atol=0.02)


def test_a_shift_adds_its_logarithm_to_the_logit():
  plain = LogitNormal().sample(jax.random.key(0), 100)
  shifted = LogitNormal(shift=3.0).sample(jax.random.key(0), 100)
  logits = [np.log(t) - np.log1p(-t) for t in (plain, shifted)]
  np.testing.assert_allclose(logits[1] - logits[0], np.log(3), rtol=1e-3)


def test_a_grid_falls_from_one_to_zero():
  grid = np.asarray(time_grid(5, shift=3.0))
  assert (grid[0], grid[-1]) == (1, 0)
  assert (np.diff(grid) < 0).all()
  np.testing.assert_allclose(time_grid(4), [1, 0.75, 0.5, 0.25, 0])
  np.testing.assert_allclose(grid, shift_times(time_grid(5), 3.0), rtol=1e-6)


def test_wrong_values_are_named():
  with pytest.raises(ValueError, match="steps \\(0\\)"):
    time_grid(0)
  with pytest.raises(ValueError, match="shift \\(-1\\)"):
    LogitNormal(shift=-1)
