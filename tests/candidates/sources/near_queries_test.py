import numpy as np
import pytest

from gr_jax.candidates.log import Log
from gr_jax.candidates.sources.near_queries import (
  NEAR,
  TEMPERATURE,
  NearQueries,
)
from gr_jax.text.encoder import unit_rows
from tests.reference import candidate_log

ROWS = np.arange(0, 60, 2)  # Of the 60 queries of the training log.


def log_of(vectors, trained) -> Log:
  known = candidate_log.log()
  return Log(known.requests, known.counted, np.array(trained), vectors)


@pytest.fixture(scope="module")
def places():
  rng = np.random.default_rng(3)
  return unit_rows(rng.normal(size=(len(ROWS), 5))).astype(np.float16) / 2


def test_weights_are_a_softmax_over_the_nearest(places):
  vectors = np.random.default_rng(4).normal(size=(3, 5)).astype(np.float32)
  found = NearQueries(ROWS, places).of(
    log_of(vectors, [-1, -1, -1]), np.array([2, 0, 2])
  )
  assert found.rows.shape == found.weights.shape == (3, NEAR)
  for row, query in enumerate([2, 0, 2]):
    scores = unit_rows(vectors)[query] @ places.astype(np.float32).T
    best = np.argsort(-scores)[:NEAR]
    np.testing.assert_array_equal(found.rows[row], ROWS[best])
    expected = np.exp(scores[best] / TEMPERATURE)
    np.testing.assert_allclose(
      found.weights[row], expected / expected.sum(), rtol=1e-4
    )
    assert found.nearest[row] == pytest.approx(scores.max(), abs=1e-6)


def test_a_query_is_not_its_own_neighbour(places):
  vectors = 2 * places[[7]].astype(np.float32)
  itself = NearQueries(ROWS, places).of(log_of(vectors, [-1]), np.zeros(1, int))
  assert itself.rows[0, 0] == ROWS[7]
  others = NearQueries(ROWS, places).of(
    log_of(vectors, [ROWS[7]]), np.zeros(1, int)
  )
  assert ROWS[7] not in others.rows
  np.testing.assert_array_equal(others.rows[0, :8], itself.rows[0, 1:9])


def test_a_query_is_near_to_nothing_without_a_vector_or_behind_all(places):
  vectors = np.zeros((2, 5), np.float32)
  vectors[1] = [1, 0, 0, 0, 0]
  behind = -np.abs(places)
  found = NearQueries(ROWS, behind).of(log_of(vectors, [-1, -1]), np.arange(2))
  assert (found.rows == -1).all()
  assert not found.weights.any()
  assert not found.nearest.any()


def test_there_may_be_fewer_queries_than_neighbours(places):
  found = NearQueries(ROWS[:2], np.abs(places[:2])).of(
    log_of(np.ones((1, 5), np.float32), [-1]), np.zeros(1, int)
  )
  assert set(found.rows[0]) == {0, 2}
  assert found.weights.sum() == pytest.approx(1)
