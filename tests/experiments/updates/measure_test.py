"""Answers of others: every one of them, and never one's own place."""

import numpy as np

from experiments.updates.measure import OTHERS, _of_others


def test_permutations_leave_nobody_in_place_and_lose_nobody():
  targets = np.arange(20)
  for other in _of_others(targets, seed=3):
    assert sorted(other) == targets.tolist()
    assert (other != targets).all()
  found = np.stack(_of_others(targets, seed=3))
  assert len(found) == OTHERS
  assert (np.diff(np.sort(found, axis=0), axis=0) > 0).all()


def test_a_slice_of_a_few_is_permuted_all_the_same():
  for other in _of_others(np.array([5]), seed=0):
    assert other.tolist() == [5]
