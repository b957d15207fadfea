"""Every wanted thing has its own object, in the best way there is."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from gr_jax.data.worlds.scenes.assignment import best_total


@pytest.mark.parametrize("counts", [[1, 0, 0], [2, 1, 1], [1, 2, 3], [6, 0, 0]])
def test_the_best_total_is_that_of_the_assignment_problem(counts):
  rng = np.random.default_rng(sum(counts))
  credits = rng.random((5, 3, 8), np.float32)
  credits[:, :, 5:] = 0
  counts = np.tile(counts, (5, 1))
  found = np.asarray(best_total(jnp.asarray(credits), counts))
  for row in range(5):
    table = np.repeat(credits[row], counts[row], axis=0)
    rows, columns = scipy.optimize.linear_sum_assignment(-table)
    np.testing.assert_allclose(
      found[row], table[rows, columns].sum(), rtol=1e-5
    )


def test_without_an_object_there_is_no_credit():
  assert best_total(jnp.zeros((1, 2, 8)), np.array([[3, 3]])) == 0
