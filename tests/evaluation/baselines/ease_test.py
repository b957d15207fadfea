import numpy as np
import pytest

from gr_jax.evaluation.baselines import ease
from tests.reference.plain_lists import from_lists

RNG = np.random.default_rng(0)
RIDGE = 2.0


def lists_of(users: int, items: int):
  lists = [RNG.integers(0, items, RNG.integers(1, 9)) for _ in range(users)]
  return from_lists([*lists, []])


def entries(lists, items: int) -> np.ndarray:
  counts = np.stack(
    [np.bincount(lists[r], minlength=items) for r in range(len(lists))]
  )
  return np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0)


def brute_force(x: np.ndarray) -> np.ndarray:
  """`B` of eq. 8."""
  inverse = np.linalg.inv(x.T @ x + RIDGE * np.eye(x.shape[1]))
  weights = -inverse / np.diag(inverse)
  np.fill_diagonal(weights, 0)
  return weights


def scores(state, histories, items: int) -> np.ndarray:
  """`[R, N]` in catalogue rows."""
  x = ease._entries(histories, state.order)
  found = np.empty((len(histories), items))
  found[:, state.order] = state.scores(x)(0, len(histories))
  return found


@pytest.mark.parametrize(("users", "items"), [(5, 17), (40, 9), (8, 9)])
def test_scores_are_those_of_the_inverse_of_the_items(users, items):
  sequences, histories = lists_of(users, items), lists_of(6, items)
  state = ease.fit(sequences, num_items=items, ridge=RIDGE)
  weights = brute_force(entries(sequences, items))
  np.testing.assert_allclose(
    scores(state, histories, items),
    entries(histories, items) @ weights,
    rtol=1e-3,
    atol=1e-5,
  )


@pytest.mark.parametrize("solve", [ease._by_users, ease._by_items])
def test_both_systems_solve_the_least_squares_of_every_item(solve):
  users, items = 12, 10
  lists = lists_of(users, items)
  x = entries(lists, items)
  score = solve(ease._entries(lists, np.arange(items)), RIDGE)
  one_each = ease._entries(
    from_lists([[j] for j in range(items)]), np.arange(items)
  )
  weights = score(one_each)(0, items)
  np.testing.assert_allclose(np.diag(weights), 0, atol=1e-5)
  # The gradient of the loss is zero but for the constrained diagonal.
  gradient = x.T @ (x @ weights - x) + RIDGE * weights
  np.fill_diagonal(gradient, 0)
  np.testing.assert_allclose(gradient, 0, atol=1e-4)


@pytest.mark.parametrize("columns", [3, 4, 64])
def test_blocks_change_nothing(columns, monkeypatch):
  monkeypatch.setattr(ease, "_COLUMNS", columns)
  root = RNG.normal(size=(10, 10)).astype(np.float32)
  matrix = root @ root.T + np.eye(10, dtype=np.float32)
  expected = np.linalg.inv(matrix)
  found = ease._inverse(matrix.copy())
  np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_who_bought_one_of_a_pair_gets_the_other():
  sequences = from_lists([[0, 1]] * 3 + [[2, 3]] * 3 + [[4]] * 9)
  state = ease.fit(sequences, num_items=6, ridge=1.0)
  histories = from_lists([[0], [3], []])
  ranked = ease.rank(state, histories, k=2, exclude=histories)
  assert ranked[:2, 0].tolist() == [1, 2]
  assert ranked[2].tolist() == [4, 0]


def test_lists_are_left_as_they_were():
  sequences = from_lists([[1, 1, 0], [2, 1, 1]])
  state = ease.fit(sequences, num_items=3, ridge=1.0)
  ease.rank(state, sequences, k=2)
  assert sequences.rows.tolist() == [1, 1, 0, 2, 1, 1]
  assert sequences.offsets.tolist() == [0, 3, 6]


def test_without_training_everybody_gets_the_first_rows():
  state = ease.fit(from_lists([[], []]), num_items=3, ridge=1.0)
  ranked = ease.rank(state, from_lists([[2], []]), k=4)
  assert ranked.tolist() == [[0, 1, 2, -1]] * 2


def test_what_is_too_large_is_refused(monkeypatch):
  monkeypatch.setattr(ease, "LARGEST", 2)
  three = from_lists([[0], [1], [2], []])
  assert ease.is_too_large(three, num_items=3)
  assert not ease.is_too_large(three, num_items=2)
  assert not ease.is_too_large(from_lists([[0], [1], []]), num_items=3)
  with pytest.raises(ValueError, match="3 users and 5 items"):
    ease.fit(three, num_items=5, ridge=1.0)
