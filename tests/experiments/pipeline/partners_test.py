"""Partners are what two people take together, in the period asked for."""

import dataclasses
import itertools

import numpy as np
import pytest

from experiments.pipeline import partners as pipeline
from gr_jax.data.requests import CLICKED, TEST, TRAIN, VALID
from gr_jax.data.row_lists import RowLists
from tests.reference.small_world import shop


def baskets(split):
  """The items that each (user, time) of a period led to."""
  requests, found = shop().requests, {}
  for r in np.flatnonzero(requests.split == split):
    page = slice(*requests.page_offsets[r : r + 2])
    led = requests.page_item[page][requests.page_kind[page] >= CLICKED]
    key = int(requests.user[r]), int(requests.time[r])
    found.setdefault(key, set()).update(led.tolist())
  return [sorted(items) for _, items in sorted(found.items()) if items]


def as_sets(lists: RowLists):
  return [sorted(lists[r].tolist()) for r in range(len(lists))]


@pytest.mark.parametrize("split", [TRAIN, VALID, TEST])
def test_where_people_choose_baskets_a_basket_is_taken_together(
  monkeypatch, split
):
  monkeypatch.setattr(pipeline, "leads_to_single_items", lambda requests: False)
  found = pipeline.taken_together(shop().requests, split=split)
  assert as_sets(found) == baskets(split)


def test_where_they_choose_one_by_one_it_is_all_that_a_user_takes(monkeypatch):
  monkeypatch.setattr(pipeline, "leads_to_single_items", lambda requests: True)
  requests = shop().requests
  expected = {}
  for r in np.flatnonzero(requests.split == VALID):
    page = slice(*requests.page_offsets[r : r + 2])
    led = requests.page_item[page][requests.page_kind[page] >= CLICKED]
    expected.setdefault(int(requests.user[r]), set()).update(led.tolist())
  found = pipeline.taken_together(requests, split=VALID)
  lists = [items for items in as_sets(found) if items]
  assert lists == [sorted(expected[user]) for user in sorted(expected)]


def test_partners_are_symmetric_and_share_two_baskets(monkeypatch):
  monkeypatch.setattr(pipeline, "leads_to_single_items", lambda requests: False)
  requests = shop().requests
  found = pipeline.partners(requests, split=VALID, num_items=60)
  together = np.zeros((60, 60), int)
  for items in baskets(VALID):
    for one, other in itertools.permutations(items, 2):
      together[one, other] += 1
  dense = np.zeros((60, 60), bool)
  dense[found.owners, found.rows] = True
  assert dense.any()
  np.testing.assert_array_equal(dense, together >= 2)
  empty = dataclasses.replace(
    requests, split=np.full_like(requests.split, TEST)
  )
  assert not pipeline.partners(empty, split=VALID, num_items=60).rows.size
