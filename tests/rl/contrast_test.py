import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.rl.contrast import contrast, members_at, most_contrastive

# Few shapes, so that few programs are compiled.
_N, _SIZE = 9, 4


def _groups():
  grid = st.integers(-3, 3).map(float)
  row = st.lists(grid, min_size=_N, max_size=_N)
  return row.map(lambda values: np.array(values, np.float32))


def _reference(rewards, where, size):
  """The best and the worst by sorting pairs of reward and place."""
  there = [i for i in range(len(rewards)) if where[i]]
  falling = sorted(there, key=lambda i: (-rewards[i], i))
  best, worst = (size + 1) // 2, size // 2
  if len(there) <= size:
    kept = there
  else:
    kept = falling[:best] + falling[len(falling) - worst :]
  absent = [i for i in range(len(rewards)) if not where[i]]
  return sorted((kept + absent)[:size])


@given(_groups(), st.lists(st.booleans(), min_size=_N, max_size=_N))
def test_the_best_and_the_worst_are_kept_and_ties_go_by_place(rewards, where):
  where = np.array(where)
  found = most_contrastive(
    jnp.asarray(rewards), size=_SIZE, where=jnp.asarray(where)
  )
  expected = _reference(rewards, where, _SIZE)
  if len(expected) == _SIZE:
    np.testing.assert_array_equal(found, expected)
  assert len(set(found.tolist())) == _SIZE


@given(_groups())
def test_an_odd_size_keeps_one_more_of_the_best(rewards):
  found = most_contrastive(jnp.asarray(rewards), size=3)
  np.testing.assert_array_equal(found, _reference(rewards, [True] * _N, 3))


@given(_groups())
def test_a_group_of_the_size_is_kept_whole_in_its_order(rewards):
  found = most_contrastive(jnp.asarray(rewards), size=_N)
  np.testing.assert_array_equal(found, np.arange(_N))


@given(st.permutations(range(_N)))
def test_candidates_in_another_order_give_the_same_members(order):
  rewards = np.random.default_rng(0).permutation(_N).astype(np.float32)
  first = most_contrastive(jnp.asarray(rewards), size=_SIZE)
  moved = most_contrastive(jnp.asarray(rewards[list(order)]), size=_SIZE)
  assert set(np.array(order)[np.asarray(moved)]) == set(first.tolist())


def test_experts_are_kept_whatever_they_earned():
  rewards = jnp.array([[5.0, 4, 3, 2, 1, 0, 2.5, 2.5]])
  always = jnp.array([[False] * 6 + [True, True]])
  there = jnp.array([[True] * 7 + [False]])
  kept = most_contrastive(rewards, size=4, always=always, places=6)
  np.testing.assert_array_equal(kept, [[0, 1, 4, 5, 6, 7]])
  # An absent expert stands in its place, and no further sample does.
  kept = most_contrastive(rewards, size=4, always=always, where=there, places=6)
  np.testing.assert_array_equal(kept, [[0, 1, 4, 5, 6, 7]])
  # Experts that stand for samples leave room for fewer of them.
  kept = most_contrastive(rewards, size=4, always=always, places=4)
  np.testing.assert_array_equal(kept, [[0, 5, 6, 7]])


@pytest.mark.parametrize(("size", "places"), [(0, 4), (5, 4), (4, 10)])
def test_sizes_that_do_not_fit_are_refused(size, places):
  with pytest.raises(ValueError, match="a group of 9 cannot keep"):
    most_contrastive(jnp.zeros((1, 9)), size=size, places=places)


def test_the_contrast_of_many_normal_rewards_is_that_of_the_paper():
  rewards = jnp.asarray(np.random.default_rng(0).normal(size=(4000, 96)))
  for count, expected in ((24, 1.55), (48, 2.49), (72, 2.95), (96, 3.25)):
    found = contrast(rewards[:, :count], size=24)
    assert abs(float(found.mean()) - expected) < 0.03


def test_the_contrast_of_one_member_is_zero():
  where = jnp.array([[True] + [False] * 3])
  assert contrast(jnp.ones((1, 4)), size=2, where=where) == 0


def test_members_are_taken_from_every_array():
  tree = {
    "ids": jnp.arange(6).reshape(2, 3),
    "codes": jnp.eye(6).reshape(2, 3, 6),
  }
  found = members_at(tree, jnp.array([[0, 2], [1, 2]]))
  np.testing.assert_array_equal(found["ids"], [[0, 2], [4, 5]])
  np.testing.assert_array_equal(found["codes"][1], np.eye(6)[[4, 5]])
