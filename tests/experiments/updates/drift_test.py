"""The stability index is 0 where nothing moved, and grows with the move."""

import numpy as np

from experiments.updates.drift import stability_index


def test_it_is_the_sum_of_its_definition():
  old, new = np.repeat([0, 1], [6000, 2000]), np.repeat([0, 1], [2000, 6000])
  want = (0.75 - 0.25) * np.log(3) + (0.25 - 0.75) * np.log(1 / 3)
  assert abs(stability_index(old, new) - want) < 2e-3


def test_it_is_small_where_nothing_moved_however_small_the_batch():
  rng = np.random.default_rng(0)
  old = rng.integers(20, size=4000)
  found = [
    stability_index(old, rng.integers(20, size=n))
    for n in (40, 400)
    for _ in range(200)
  ]
  assert np.mean(found[:200]) < 0.2
  assert np.mean(found[200:]) < 0.02


def test_a_bucket_that_nobody_had_counts_and_is_finite():
  old, new = np.zeros(500, int), np.ones(500, int)
  assert 5 < stability_index(old, new) < np.inf
  assert stability_index(old, new) == stability_index(new, old)


def test_of_nothing_it_is_no_number():
  assert np.isnan(stability_index(np.zeros(0, int), np.ones(3, int)))
