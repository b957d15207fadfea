"""What users choose at one time decides what a recipe leaves open."""

import dataclasses

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline.from_data import (
  decided_window,
  leads_to_single_items,
  settled,
  with_fields,
)
from gr_jax.data.requests import EXPOSED, ORDERED, TEST, TRAIN
from tests.data.requests_test import small_requests
from tests.reference import small_logs, small_world

OPEN = {"window": 3, "neighbours": -1, "last": 10}


def _requests(*pages: int, split=TRAIN):
  """Requests that led to so many items each; one more is of the test."""
  sizes = np.array([*pages, 3])
  count, total = len(sizes), sizes.sum()
  table = small_requests()
  return dataclasses.replace(
    table,
    user=np.zeros(count, np.int32),
    time=np.arange(99, 99 + count),
    history_end=np.full(count, 3),
    query=np.full(count, -1, np.int32),
    own_item=np.full(count, -1, np.int32),
    split=np.array([split] * len(pages) + [TEST], np.int8),
    page_offsets=np.append(0, np.cumsum(sizes)),
    page_item=np.arange(total, dtype=np.int32),
    page_kind=np.full(total, ORDERED, np.int8),
    page_value=np.zeros(total, np.float32),
  )


def _neighbours(requests, **section) -> int:
  section = {"count_alpha": 2.0, "transitions": OPEN} | section
  return settled(ConfigDict(section), requests).transitions.neighbours


def _catalogue(*names):
  catalogue = small_world.shop().catalogue
  fields = np.full((len(catalogue), len(names)), "x", object)
  return dataclasses.replace(catalogue, fields=fields, field_names=names)


def _hashed(catalogue, fields=None, facts=None):
  section = ConfigDict({"fields": fields, "contrast": {"facts": facts}})
  found = with_fields(section, catalogue)
  assert section.fields == fields
  return found.fields, found.contrast.facts


def test_the_fields_that_are_hashed_are_those_that_the_catalogue_has():
  assert _hashed(_catalogue()) == (("item_id",), ())
  purchases = _catalogue("advertiser", "brand")
  assert _hashed(purchases) == (("item_id", "advertiser"), ("advertiser",))
  ads = _catalogue("conversion", "account")
  assert _hashed(ads) == (("item_id", "account", "conversion"), ("account",))
  assert _hashed(ads, ("conversion",)) == (("conversion",), ())
  assert _hashed(purchases, ("brand",), ("brand",)) == (("brand",), ("brand",))
  other = ConfigDict({"levels": (4, 4)})
  assert with_fields(other, ads) is other


def test_a_field_that_is_not_there_is_refused_by_its_name():
  with pytest.raises(ValueError, match="no field 'brand'; it has item_id, acc"):
    _hashed(_catalogue("account"), ("brand",))
  with pytest.raises(ValueError, match="facts names 'account', which is none"):
    _hashed(_catalogue("account"), ("item_id",), ("account",))


@pytest.mark.parametrize(
  ("pages", "neighbours"),
  [((1, 1, 2), 48), ((1, 2), 0), ((2, 3, 1), 0), ((1,), 48)],
)
def test_single_items_have_transitions_and_baskets_none(pages, neighbours):
  assert _neighbours(_requests(*pages)) == neighbours
  assert _neighbours(_requests(*pages, split=TEST)) == 0


def test_what_is_chosen_at_one_time_is_a_basket():
  """Searches of a trip lead to one item each, the trip to all of them."""
  requests = _requests(1, 1, 1, 1, 4)
  assert leads_to_single_items(requests)
  trip = dataclasses.replace(requests, time=np.array([98, 98, 99, 99, 99, 100]))
  assert not leads_to_single_items(trip)
  # A search that leads to the item of the trip adds nothing to it.
  pages = np.zeros_like(trip.page_item)
  same = dataclasses.replace(trip, page_item=pages)
  assert leads_to_single_items(same)
  others = np.array([0, 1, 0, 1, 0, 1], np.int32)
  users = dataclasses.replace(trip, user=others)
  assert leads_to_single_items(users)


def test_baskets_of_a_shop_and_positions_of_sequences():
  assert not leads_to_single_items(small_world.shop().requests)
  log = small_logs.requests_of([[0, 1, 2, 0], [1], [1, 2]])
  assert leads_to_single_items(log)


def test_what_was_shown_is_no_item_of_a_page():
  requests = _requests(3, 3)
  requests.page_kind[[0, 1, 3, 4]] = EXPOSED
  assert _neighbours(requests) == 48


@pytest.mark.parametrize("section", [{"count_alpha": 0.0},
                                     {"candidates": {"size": 9}},
                                     {"task": "page_wise"}])  # fmt: skip
def test_what_cannot_read_transitions_has_none(section):
  assert _neighbours(_requests(1, 1), **section) == 0


def test_a_recipe_that_decides_is_left_as_it_is():
  for neighbours in (0, 7):
    section = ConfigDict({"transitions": OPEN | {"neighbours": neighbours}})
    assert settled(section, _requests(1)) is section
  section = ConfigDict({"count_alpha": 2.0})
  assert settled(section, _requests(1)) is section
  left_open = ConfigDict({"count_alpha": 2.0, "transitions": OPEN})
  settled(left_open, _requests(1))
  assert left_open.transitions.neighbours == -1


@pytest.mark.parametrize(("pages", "window"), [((1, 1, 2), 5), ((2, 3, 1), 0)])
def test_vectors_read_sequences_where_nothing_else_shows_pairs(pages, window):
  requests = _requests(*pages)
  assert decided_window(-1, requests) == window
  for given in (0, 3):
    assert decided_window(given, requests) == given
