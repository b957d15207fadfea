import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.candidates.pairs import Pairs, Proposed, best_pairs, expand, look_up


def test_pairs_are_owners_and_items_of_their_keys():
  pairs = Pairs(np.array([1, 12, 25]), 10)
  np.testing.assert_array_equal(pairs.owners, [0, 1, 2])
  np.testing.assert_array_equal(pairs.items, [1, 2, 5])


def test_expand_lists_the_places_of_every_range():
  owners, places = expand(np.array([3, 0, 7, 5]), np.array([5, 0, 6, 6]))
  np.testing.assert_array_equal(owners, [0, 0, 3])
  np.testing.assert_array_equal(places, [3, 4, 5])


@given(st.sets(st.integers(0, 30)), st.lists(st.integers(0, 30)))
def test_look_up_finds_exactly_what_is_there(keys, wanted):
  keys = np.array(sorted(keys), np.int64)
  places, there = look_up(keys, np.array(wanted, np.int64))
  np.testing.assert_array_equal(there, [w in set(keys) for w in wanted])
  np.testing.assert_array_equal(keys[places[there]], np.array(wanted)[there])


def test_proposals_take_turns_and_a_shared_one_comes_first():
  # Owner 0: the best of the first source are 4, 1; of the second 2, 4.
  first = Proposed(
    np.array([0, 0, 1]), np.array([1, 4, 3]), np.array([1, 2, 9])
  )
  second = Proposed(np.array([0, 0]), np.array([4, 2]), np.array([0.5, 7]))

  def kept(size):
    found = best_pairs([first, second], num_items=5, size=size)
    return list(zip(found.owners, found.items))

  # 4 is first in one and second in the other, 2 first in one only.
  assert kept(1) == [(0, 4), (1, 3)]
  assert kept(2) == [(0, 2), (0, 4), (1, 3)]
  assert kept(3) == [(0, 1), (0, 2), (0, 4), (1, 3)]


def test_a_source_may_put_in_several_at_its_turn():
  # Best first: 5, 6, 7, 8 of the first source, 1, 2, 3 of the second.
  first = Proposed(
    np.zeros(4, int), np.array([8, 7, 6, 5]), np.arange(4), at_once=2
  )
  second = Proposed(np.zeros(3, int), np.array([3, 2, 1]), np.arange(3))
  for size, expected in (
    (3, {5, 6, 1}),
    (6, {5, 6, 1, 7, 8, 2}),
    (7, {5, 6, 1, 7, 8, 2, 3}),
  ):
    found = best_pairs([first, second], num_items=9, size=size)
    assert set(found.items) == expected
