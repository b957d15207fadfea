import dataclasses

import numpy as np

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.evaluation.baselines import query_counts
from tests.reference.small_world import shop


def test_items_stand_by_how_often_the_query_led_to_them():
  requests, popularity = shop().requests, shop().catalogue.popularity
  state = query_counts.fit(requests, popularity)
  rows = np.flatnonzero((requests.split == TRAIN) & (requests.query >= 0))
  query = requests.query[rows[0]]
  counts = np.zeros(60, int)
  for row in rows[requests.query[rows] == query]:
    np.add.at(counts, requests.targets(row), 1)
  ranked = query_counts.rank(state, np.array([query]), k=60)[0]
  assert (np.diff(counts[ranked]) <= 0).all()
  assert counts[ranked[0]] > 0


def test_only_the_training_period_is_read():
  requests, popularity = shop().requests, shop().catalogue.popularity
  shown = query_counts.fit(requests, popularity)
  page_of = requests.page_request
  items = requests.page_item.copy()
  later = np.isin(requests.split[page_of], (VALID, TEST))
  assert all(
    (requests.split[page_of] == split).any() for split in (VALID, TEST)
  )
  items[later] = 0
  changed = dataclasses.replace(requests, page_item=items)
  hidden = query_counts.fit(changed, popularity)
  assert (shown.weights != hidden.weights).nnz == 0


def test_an_unknown_query_gets_the_popular_items():
  requests, popularity = shop().requests, shop().catalogue.popularity
  state = query_counts.fit(requests, popularity)
  empty = int(np.argmin(np.diff(state.weights.indptr)))
  if state.weights.indptr[empty + 1] == state.weights.indptr[empty]:
    ranked = query_counts.rank(state, np.array([empty]), k=5)[0]
    assert ranked.tolist() == state.order[:5].tolist()
