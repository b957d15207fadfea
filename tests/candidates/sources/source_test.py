"""What every source of candidates keeps to."""

import numpy as np
import pytest

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.sources.alike_users import AlikeUsers
from gr_jax.candidates.sources.links import Links
from gr_jax.candidates.sources.source import TaughtByLog, Unmeasured
from gr_jax.data.requests import TEST
from tests.reference import candidate_log

SOURCES = [type(one).__name__ for one in candidate_log.writer().sources]


def source(place):
  return candidate_log.writer().sources[place]


def described(one, num_items=candidate_log.ITEMS):
  batch = candidate_log.batch(split=TEST)
  pairs = candidate_log.all_pairs(batch)
  if num_items > candidate_log.ITEMS:
    keys = pairs.owners * num_items + pairs.items
    pairs = type(pairs)(keys, num_items)
  return one.describe(batch, pairs)


@pytest.mark.parametrize("place", range(len(SOURCES)), ids=SOURCES)
def test_features_are_finite_and_one_a_name(place):
  one, batch = source(place), candidate_log.batch(split=TEST)
  pairs = candidate_log.all_pairs(batch)
  found = one.describe(batch, pairs)
  assert found.shape == (len(pairs), len(one.names))
  assert found.dtype == np.float32
  assert np.isfinite(found).all()


@pytest.mark.parametrize("place", range(len(SOURCES)), ids=SOURCES)
def test_a_pair_is_proposed_once_at_most(place):
  batch = candidate_log.batch(split=TEST)
  found = source(place).propose(batch)
  if found is None:
    return
  keys = found.owners * candidate_log.ITEMS + found.items
  assert len(np.unique(keys)) == len(keys) == len(found.scores)
  assert np.isin(found.items, np.arange(candidate_log.ITEMS)).all()
  assert np.isin(found.owners, np.arange(batch.num_requests)).all()


@pytest.mark.parametrize("place", range(len(SOURCES)), ids=SOURCES)
def test_a_restored_source_says_the_same(place):
  one = source(place)
  again = type(one).restored(one.state(), candidate_log.facts())
  np.testing.assert_array_equal(described(again), described(one))


@pytest.mark.parametrize("place", range(len(SOURCES)), ids=SOURCES)
def test_items_that_come_later_change_nothing_of_the_others(place):
  one, facts = source(place), candidate_log.facts()
  more = ItemFacts(
    np.append(facts.texts, np.array(["a new one", "another"], object)),
    np.append(facts.categories, facts.categories[:2], 0),
    np.append(facts.prices, [1.0, 0.0]).astype(facts.prices.dtype),
    np.append(facts.vectors, facts.vectors[:2], 0),
  )
  grown, before = described(one.grown(more), len(more)), described(one)
  # A new item may stand before others, by the links of those it is like.
  relative = [
    isinstance(one, (AlikeUsers, Links)) and name.endswith(("_share", "_place"))
    for name in one.names
  ]
  same = np.logical_not(relative)
  np.testing.assert_allclose(
    grown[:, same], before[:, same], rtol=1e-5, atol=1e-5
  )
  assert (grown[:, relative] <= before[:, relative] + 1e-5).all()


def test_what_a_log_taught_is_every_attribute():
  class Taught(TaughtByLog, Unmeasured):
    def __init__(self, counts):
      self._counts, self._scale = counts, 2.0

  counts = np.arange(3)
  one = Taught(counts)
  one.measure(candidate_log.batch())
  assert one.state() == {"_counts": counts, "_scale": 2.0}
  again = Taught.restored(one.state(), candidate_log.facts())
  assert again._counts is counts
  assert again._scale == 2.0
