import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.evaluation.baselines import repeat
from gr_jax.evaluation.baselines.top_items import popularity_order
from tests.reference.plain_lists import from_lists

NUM_ITEMS = 9
POPULARITY = np.array([1, 2, 9, 1, 1, 1, 5, 1, 1])
ORDER = popularity_order(POPULARITY)  # 2, 6, 1, 0, 3, 4, 5, 7, 8.


def test_frequency_comes_first_and_recency_breaks_ties():
  histories = from_lists([[3, 5, 4, 5, 3, 8], []])
  ages = np.arange(6)[::-1]
  ranked = repeat.rank(histories, ages, ORDER, k=6)
  assert ranked.tolist() == [[3, 5, 8, 4, 2, 6], [2, 6, 1, 0, 3, 4]]


def test_old_purchases_weigh_less():
  # Item 3: twice, 20 and 21 days old; item 5: once, 1 day old.
  histories, ages = from_lists([[3, 3, 5]]), np.array([21, 20, 1])
  expected = {math.inf: [3, 5], 10.0: [5, 3], 1000.0: [3, 5]}
  for tau, order in expected.items():
    ranked = repeat.rank(histories, ages, ORDER, tau=tau, k=2)
    assert ranked.tolist() == [order]
  # exp(-20 / tau) + exp(-21 / tau) = exp(-1 / tau) near tau = 28.1.
  first = [
    repeat.rank(histories, ages, ORDER, tau=tau, k=1)[0, 0]
    for tau in (28.0, 28.2)
  ]
  assert np.exp(-20 / 28.0) + np.exp(-21 / 28.0) < np.exp(-1 / 28.0)
  assert np.exp(-20 / 28.2) + np.exp(-21 / 28.2) > np.exp(-1 / 28.2)
  assert first == [5, 3]


def test_purchases_of_long_ago_are_still_in_order():
  """Though exp(-age / tau) of all of them underflows."""
  histories = from_lists([[4, 3, 3, 5]])
  ages = np.array([10_004, 10_002, 10_001, 10_000])
  ranked = repeat.rank(histories, ages, ORDER, tau=10.0, k=3)
  assert ranked.tolist() == [[3, 5, 4]]


def test_seen_items_taken_out_leave_the_popular_items():
  histories = from_lists([[3, 5, 4, 5, 3]])
  ranked = repeat.rank(
    histories, np.arange(5)[::-1], ORDER, k=3, exclude=histories
  )
  assert ranked.tolist() == [[2, 6, 1]]


PURCHASES = st.lists(
  st.tuples(st.integers(0, NUM_ITEMS - 1), st.integers(0, 6)), max_size=12
)


@pytest.mark.parametrize("tau", [math.inf, 2.0])
@given(st.lists(PURCHASES, min_size=1, max_size=4), st.integers(1, 12))
def test_the_ranking_is_the_equation(tau, purchases, k):
  lists, ages = [], []
  for history in purchases:
    history.sort(key=lambda pair: -pair[1])
    lists.append([item for item, _ in history])
    ages += [age for _, age in history]
  ranked = repeat.rank(
    from_lists(lists), np.array(ages, np.int64), ORDER, tau=tau, k=k
  )
  for r, history in enumerate(purchases):
    score = {item: 0.0 for item, _ in history}
    last = {item: p for p, (item, _) in enumerate(history)}
    for item, age in history:
      # The least age is subtracted so that sums round as those of the ranker.
      score[item] += math.exp(-(age - history[-1][1]) / tau)
    own = sorted(score, key=lambda item: (-round(score[item], 9), -last[item]))
    more = [item for item in ORDER.tolist() if item not in score]
    expected = (own + more)[:k]
    given_rows = ranked[r].tolist()
    assert given_rows == expected + [-1] * (k - len(expected))
