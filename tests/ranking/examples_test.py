"""Examples hold every page of a split once, and only the past of each."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gr_jax.data.requests import ORDERED, TEST, TRAIN, VALID
from gr_jax.data.worlds import shop_config, shop_world
from gr_jax.ranking.examples import ExamplesConfig, make_examples, page_pairs


@functools.lru_cache
def world():
  config = shop_config.ShopWorldConfig(
    num_items=60, num_users=12, num_requests=150
  )
  return shop_world.generate(config, seed=0).requests


@settings(max_examples=20, deadline=None)
@given(
  length=st.integers(1, 40),
  span=st.integers(0, 20),
  targets=st.integers(1, 24),
  split=st.sampled_from([TRAIN, VALID, TEST]),
)
def test_every_page_once_and_nothing_of_its_present(
  length, span, targets, split
):
  log = world()
  config = ExamplesConfig(length=length, targets=targets, span=span)
  found = make_examples(log, config, split=split)
  owner = np.repeat(np.arange(len(found.user)), np.diff(found.offsets))
  pairs = found.pairs
  assert (log.split[pairs.requests] == split).all()
  plain = {*zip(log.user[log.query < 0], log.time[log.query < 0])}
  same = np.array([m in plain for m in zip(log.user, log.time)])
  mine = (log.split == split) & ((log.query < 0) | ~same)
  expected = np.isin(log.page_request, np.flatnonzero(mine))
  assert len(pairs.items) == expected.sum()
  assert sorted(pairs.items) == sorted(log.page_item[expected])
  assert np.diff(found.offsets).max(initial=0) <= targets
  assert (found.end - found.begin <= length).all()
  assert (log.user[pairs.requests] == found.user[owner]).all()
  # What is read ends where the request's history does.
  end = log.history_end[pairs.requests]
  begin = found.begin[owner]
  np.testing.assert_array_equal(found.seen, np.maximum(end - begin, 0))
  assert (end <= found.end[owner]).all()
  assert (found.end[owner] - end <= span).all()


def test_orders_are_clicks_as_well():
  log = world()
  rows = np.flatnonzero(log.split == TRAIN)
  config = ExamplesConfig(tasks=("click", "order"))
  labels = page_pairs(log, rows, config).labels
  assert (labels[:, 0] >= labels[:, 1]).all()
  assert 0 < labels[:, 1].sum() < labels[:, 0].sum()


def test_negatives_are_drawn_behind_what_was_taken():
  log = world()
  rows = np.flatnonzero(log.split == TRAIN)[:20]
  plain = page_pairs(log, rows, ExamplesConfig())
  some = page_pairs(log, rows, ExamplesConfig(negatives=3))
  taken = int(plain.labels.sum())
  assert len(some.items) == len(plain.items) + 3 * taken
  assert some.labels.sum() == taken
  again = page_pairs(log, rows, ExamplesConfig(negatives=3))
  np.testing.assert_array_equal(some.items, again.items)
  other = page_pairs(log, rows, ExamplesConfig(negatives=3, seed=1))
  assert (some.items != other.items).any()
  sizes = [np.bincount(p.requests, minlength=1)[rows] for p in (plain, some)]
  kinds = log.page_kind
  assert (kinds <= ORDERED).all()
  assert (sizes[1] >= sizes[0]).all()


def test_pages_that_cannot_be_are_refused():
  with pytest.raises(ValueError, match=r"examples.length \(0\)"):
    ExamplesConfig(length=0)
  with pytest.raises(ValueError, match=r"examples\.tasks is 'like'"):
    ExamplesConfig(tasks=("like",))
  with pytest.raises(ValueError, match=r"examples\.tasks is empty"):
    ExamplesConfig(tasks=())
