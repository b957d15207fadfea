"""Swing against loops over pairs of users, and its laws."""

import itertools

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from gr_jax.data import swing
from gr_jax.data.row_lists import RowLists, offsets_of

N = 7
users = st.lists(
  st.lists(st.integers(0, N - 2), max_size=6), min_size=1, max_size=7
)


def rows_of(lists):
  flat = np.array([item for items in lists for item in items], np.int32)
  return RowLists(offsets_of([len(items) for items in lists]), flat)


def similarities(lists, num_items=N, **settings):
  found = swing.similarities(rows_of(lists), num_items=num_items, **settings)
  assert found.shape == (num_items, num_items)
  assert found.dtype == np.float32
  return found.toarray()


def by_loops(lists, *, alpha, damping):
  found = np.zeros((N, N))
  sets = [set(items) for items in lists]
  for a, b in itertools.combinations(sets, 2):
    both = a & b
    for i, j in itertools.permutations(both, 2):
      found[i, j] += (len(a) * len(b)) ** -damping / (alpha + len(both))
  return found


@hypothesis.given(users, st.sampled_from([0.0, 1.0, 5.0]))
def test_similarities_are_sums_over_pairs_of_users(lists, alpha):
  for damping in (0.0, 0.5):
    np.testing.assert_allclose(
      similarities(lists, alpha=alpha, damping=damping),
      by_loops(lists, alpha=alpha, damping=damping),
      rtol=1e-6,
      atol=1e-9,
    )


def test_many_chunks_and_blocks_give_the_same(monkeypatch):
  lists = np.random.default_rng(0).integers(0, N, (20, 4)).tolist()
  whole = similarities(lists)
  monkeypatch.setattr(swing, "_CHUNK", 5)
  monkeypatch.setattr(swing, "_BLOCK", 2)
  np.testing.assert_array_equal(similarities(lists), whole)
  np.testing.assert_allclose(
    whole, by_loops(lists, alpha=1, damping=0.5), rtol=1e-6
  )


@hypothesis.given(users, st.randoms(use_true_random=False))
def test_no_order_and_no_repeat_is_seen(lists, random):
  """Bit for bit; new numbers of items renumber rows and columns."""
  found = similarities(lists)
  np.testing.assert_array_equal(found, found.T)
  assert not found.diagonal().any()
  number = random.sample(range(N), N)
  other = [[number[item] for item in items + items[:2]] for items in lists]
  other = [random.sample(items, len(items)) for items in other]
  random.shuffle(other)
  again = similarities(other)
  np.testing.assert_array_equal(again[np.ix_(number, number)], found)


def test_what_two_users_say_adds_up_exactly():
  """In multiples of 2^-40: sums in any order are equal, bit for bit."""
  lists, weights = rows_of([[0, 1, 2], [0, 1, 3], [1, 2, 3]]), np.full(3, 0.3)
  pairs, agreement = swing._user_pairs(lists, weights, N, 1.0)
  np.testing.assert_array_equal(agreement * 2**40 % 1, 0)
  np.testing.assert_allclose(agreement, 0.09 / 3, rtol=1e-9)
  assert pairs.toarray().tolist() == [
    [1, 1, 0, 0, 0, 0, 0],
    [0, 1, 1, 0, 0, 0, 0],
    [0, 1, 0, 1, 0, 0, 0],
  ]


def test_one_common_user_says_nothing():
  assert not similarities([[0, 1, 2], [2, 3], [3, 4]]).any()


def test_users_who_agree_on_more_say_less():
  """1 / sqrt(2 * 2) / (1 + 2), and one more item of both: 1 / 3 / (1 + 3)."""
  assert similarities([[0, 1], [0, 1]])[0, 1] == pytest.approx(1 / 6)
  assert similarities([[0, 1, 2], [0, 1, 2]])[0, 1] == pytest.approx(1 / 12)
  # What only one of them has makes that one say less by its weight alone.
  lists = [[0, 1], [0, 1, 2, 3]]
  assert similarities(lists)[0, 1] == pytest.approx(1 / np.sqrt(8) / 3)
  assert similarities(lists, damping=0.0)[0, 1] == pytest.approx(1 / 3)


def test_a_niche_outweighs_more_purchases_with_everything():
  """Of 0 and 1, six users who share nothing else; of 0 and 2, seven users who
  share 3, 4 and 5 as well.
  """
  found = similarities([[0, 1]] * 6 + [[0, 2, 3, 4, 5]] * 7)
  assert found[0, 1] == pytest.approx(15 / 2 / 3)
  assert found[0, 2] == pytest.approx(21 / 5 / 6)


def test_bounds_keep_samples_of_users_and_items():
  rng = np.random.default_rng(0)
  lists = rows_of([rng.permutation(30)[: 5 + u] for u in range(20)])
  kept = swing.bounded(lists, num_items=30, max_items=8, max_users=4)
  assert kept.sizes.max() <= 8
  assert np.bincount(kept.rows).max() == 4
  few = swing.bounded(lists, num_items=30, max_items=8, max_users=20)
  np.testing.assert_array_equal(few.sizes, np.minimum(lists.sizes, 8))
  for user in range(20):
    assert set(kept[user]) <= set(lists[user])
  others = swing.bounded(lists, num_items=30, max_items=8, max_users=4, seed=1)
  assert kept.rows.tolist() != others.rows.tolist()
  whole = swing.bounded(lists, num_items=30, max_items=24, max_users=20)
  np.testing.assert_array_equal(whole.rows, lists.rows)


def test_a_user_with_too_many_items_keeps_the_weight_of_all():
  found = similarities([range(8)] * 2, num_items=8, max_items=8, max_users=2)
  assert found[0, 1] == pytest.approx(1 / 8 / 9)
  few = similarities([range(8)] * 2, num_items=8, max_items=6)
  pairs = few[few > 0]
  assert len(pairs)
  common = np.unique(np.nonzero(few)[0]).size
  np.testing.assert_allclose(pairs, 1 / 8 / (1 + common), rtol=1e-6)


@pytest.mark.parametrize("count", [1, 3])
def test_the_most_similar_items_are_kept(count):
  lists = np.random.default_rng(1).integers(0, N, (20, 4)).tolist()
  whole, kept = similarities(lists), similarities(lists, neighbours=count)
  for row, mine in zip(whole, kept):
    best = np.argsort(-row, kind="stable")[:count]
    np.testing.assert_array_equal(np.flatnonzero(mine), np.sort(best))
    np.testing.assert_array_equal(mine[best], row[best])


def test_nobody_and_nothing_is_a_sparse_nothing():
  assert not similarities([[]]).any()
  assert similarities([], num_items=0).shape == (0, 0)


@pytest.mark.parametrize(
  ("settings", "message"),
  [
    ({"alpha": -1.0}, "alpha=-1.0"),
    ({"damping": -0.5}, "damping=-0.5"),
    ({"max_items": 1}, "max_items=1"),
    ({"max_users": 1}, "max_users=1"),
    ({"neighbours": 0}, "neighbours=0"),
  ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
  with pytest.raises(ValueError, match=message):
    similarities([[0, 1]], **settings)
