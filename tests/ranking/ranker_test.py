"""A loaded ranker; what it says through HTTP is in tests/serving/ranking."""

import numpy as np
import pytest

from gr_jax.ranking.ranker import Events
from tests.serving.ranking.conftest import run

__all__ = ["run"]


def test_many_items_are_scored_in_parts_and_each_by_itself(run):
  names = list(run.data.catalogue.item_ids)
  user = run.data.requests.user_ids[0]
  events = run.ranker.history(user)
  state = run.ranker.encode(events)
  now = int(state.newest or 0) + 60
  many = run.ranker.score(state, names * 40, now=now)
  assert many.shape == (40 * len(names), 2)
  once = run.ranker.score(state, names, now=now)
  np.testing.assert_allclose(many, np.tile(once, (40, 1)), atol=1e-6)
  assert run.ranker.score(state, [], now=now).shape == (0, 2)


def test_the_newest_events_alone_are_read(run):
  n = 200
  rng = np.random.default_rng(0)
  items = rng.integers(0, len(run.data.catalogue), n)
  events = Events(items, np.ones(n, int), np.arange(n) * 60 + 10**6)
  newest = Events(*(each[-63:] for each in events[:3]))
  found = [
    run.ranker.score(run.ranker.encode(each), items[:5], now=10**7)
    for each in (events, newest)
  ]
  np.testing.assert_array_equal(*found)


def test_events_that_are_none_are_refused(run):
  one, two = np.zeros(1, int), np.array([5, 3])
  with pytest.raises(ValueError, match="give as many of each"):
    run.ranker.encode(Events(one, two, two))
  with pytest.raises(ValueError, match="oldest first"):
    run.ranker.encode(Events(two, two, two))
  state = run.ranker.encode(Events(one, one, one + 50))
  with pytest.raises(ValueError, match="before the newest event"):
    run.ranker.score(state, np.zeros(1, int), now=49)
  with pytest.raises(KeyError):
    run.ranker.score(state, ["no such item"], now=60)
  with pytest.raises(KeyError):
    run.ranker.history("nobody")


def test_all_shapes_are_compiled_at_the_start(run):
  run.ranker.warm()
  sizes = [f._cache_size() for f in run.ranker._run.values()]
  run.ranker.warm()
  assert sizes == [f._cache_size() for f in run.ranker._run.values()]
  assert sizes[0] >= 3
