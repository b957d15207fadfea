import numpy as np
import pytest

from gr_jax.candidates.sources.categories import finest_category
from gr_jax.candidates.sources.own import TAUS, OwnItems
from tests.reference import candidate_log, small_world

SPAN = 30_000.0


def made():
  categories = finest_category(small_world.shop().catalogue.categories)
  return OwnItems(categories, span=SPAN), categories


@pytest.mark.parametrize("split", candidate_log.splits())
def test_features_are_those_of_the_history_read_event_by_event(split):
  source, categories = made()
  batch = candidate_log.batch(split=split)
  pairs = candidate_log.all_pairs(batch)
  found = source.describe(batch, pairs)
  assert found.shape == (len(pairs), len(source.names))
  assert np.isfinite(found).all()
  column = {name: found[:, i] for i, name in enumerate(source.names)}
  requests, unit = batch.log.requests, SPAN / 300
  for owner, item, row in zip(pairs.owners, pairs.items, range(len(pairs))):
    request = batch.requests[owner, 0]
    begin = requests.user_offsets[requests.user[request]]
    history = requests.event_item[begin : requests.history_end[request]]
    times = requests.event_time[begin : requests.history_end[request]]
    now = requests.time[request]
    mine = times[history == item]
    assert column["own_count"][row] == pytest.approx(np.log1p(len(mine)))
    assert column["history"][row] == pytest.approx(np.log1p(len(history)))
    visits = len(np.unique(times))
    assert column["visits"][row] == pytest.approx(np.log1p(visits))
    of_type = (categories[history] == categories[item]).sum()
    assert column["category_count"][row] == pytest.approx(np.log1p(of_type))
    for i, share in enumerate(TAUS):
      decayed = np.exp(-(now - mine) / (share * SPAN)).sum()
      assert column[f"own_decayed_{i}"][row] == pytest.approx(
        np.log(decayed + 0.01), abs=1e-4
      )
    if len(mine):
      age = (now - mine[-1]) / unit
      assert column["own_age"][row] == pytest.approx(np.log1p(age), rel=1e-5)
      since = len(np.unique(times[times > mine[-1]]))
      assert column["own_visits_since"][row] == pytest.approx(np.log1p(since))
    if len(mine) > 1 and mine[-1] > mine[0]:
      gap = (mine[-1] - mine[0]) / unit / (len(mine) - 1)
      assert column["own_due"][row] == pytest.approx(
        np.log((age + 1) / (gap + 1)), abs=1e-5
      )


def test_without_a_query_the_items_of_the_history_are_proposed():
  source, _ = made()
  batch = candidate_log.batch()
  proposed = source.propose(batch)
  open_ended = np.flatnonzero(batch.queries < 0)
  rows, items = batch.bought(candidate_log.ITEMS)
  expected = {(r, i) for r, i in zip(rows, items) if r in open_ended}
  assert set(zip(proposed.owners, proposed.items)) == expected
  assert len(proposed.owners) == len(expected)


def test_a_hidden_history_knows_nothing():
  source, _ = made()
  batch = candidate_log.batch(shown=False)
  found = source.describe(batch, candidate_log.all_pairs(batch))
  assert (found == found[0]).all()
  assert not len(source.propose(batch).owners)
