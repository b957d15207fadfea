"""Answers of others: every one of them, and never one's own place."""

import dataclasses
import types

import numpy as np
import pytest

from experiments.updates.measure import (
  OTHERS,
  _of_others,
  slices_of,
)
from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.evaluation import worth
from tests.experiments.updates.small_logs import three_updates


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


@pytest.mark.parametrize(
  ("splits", "name", "split"),
  [
    ((), "old", VALID),
    ((VALID,), "old", TEST),
    ((VALID, TEST), "learned", TRAIN),
  ],
)
def test_old_requests_are_ones_that_nobody_learned_if_there_are_any(
  splits, name, split
):
  """Where splits of the run are made training requests."""
  log = three_updates()
  own, old = log.request_update == 0, log.requests.split.copy()
  old[own & np.isin(old, splits)] = TRAIN
  log = dataclasses.replace(
    log, requests=dataclasses.replace(log.requests, split=old)
  )
  found = slices_of(types.SimpleNamespace(log=log), count=99, seed=0)
  assert sorted(found) == sorted([name, "newest", "arrived"])
  assert set(old[found[name].rows]) == {split}
  assert own[found[name].rows].all()
  assert log.held_out[found["newest"].rows].all()


def test_only_targets_that_are_answered_are_worth_something():
  class Table:
    page_request = np.array([0, 0, 0, 1, 2])
    page_item = np.array([4, 5, 6, 4, 7])
    page_kind = np.array([0, 1, 2, 2, 2])
    page_value = np.array([9.0, 0.5, 3.0, 8.0, 2.0])

    def __len__(self):
      return 3

  answers = np.array([[7, 9], [4, 6], [-1, -1]])
  found = worth.found_in_log(answers, Table(), np.array([2, 0, 1]))
  # An impression is no target, and another request's is not one's own.
  np.testing.assert_array_equal(found, [2.0, 3.0, 0.0])
