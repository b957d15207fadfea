import numpy as np
import pytest

from gr_jax.data.row_lists import RowLists
from gr_jax.tokenizers import quality
from gr_jax.tokenizers.semantic_ids import SemanticIds

CODES = np.array([[0, 0], [0, 0], [0, 1], [1, 0], [1, 1], [1, 2]])
IDS = SemanticIds(CODES, (2, 4))
VECTORS = np.array(
  [[0, 0], [0, 0.1], [0, 1], [9, 0], [9, 1], [9, 2.0]], np.float32
)


def figures(**kwargs):
  rows = quality.report(IDS, vectors=VECTORS, **kwargs)
  return {(row["metric"], row["level"]): row["value"] for row in rows}


def test_collisions_and_codes_are_counted():
  found = figures()
  assert found["ids", 0] == 5
  assert found["collision_rate", 0] == pytest.approx(2 / 6)
  assert found["utilization", 0] == pytest.approx(5 / 8)
  assert found["items_per_id", 0] == pytest.approx(6 / 5)
  assert found["items_per_id_q100", 0] == 2
  assert found["codes_used", 2] == 3
  assert found["perplexity", 1] == pytest.approx(2, rel=1e-5)
  assert found["gini", 1] == pytest.approx(0, abs=1e-6)


def test_an_exact_reconstruction_has_no_error_and_the_mean_has_error_one():
  mean = np.broadcast_to(VECTORS.mean(0), VECTORS.shape)
  exact = figures(restored=VECTORS)["reconstruction_error", 0]
  assert exact == 0
  error = figures(restored=mean)["reconstruction_error", 0]
  assert error == pytest.approx(1, rel=1e-5)


def test_neighbours_share_a_prefix_more_often_than_random_items():
  rows = quality.neighbourhood_rows(IDS, VECTORS, neighbours=2)
  found = {(row["metric"], row["level"]): row["value"] for row in rows}
  assert found["neighbours_in_prefix", 1] == 1
  assert found["random_in_prefix", 1] == pytest.approx(2 / 5)
  assert found["neighbours_in_prefix", 2] == pytest.approx(2 / 12)


def test_nearest_items_leave_out_the_item_itself():
  near = quality.nearest_items(VECTORS, np.arange(6), count=1)
  np.testing.assert_array_equal(near[:3, 0], [1, 0, 1])


def test_purity_is_the_share_of_the_commonest_category_of_a_prefix():
  found = figures(categories=np.array([0, 0, 1, 2, 2, -1]))
  assert found["category_purity", 1] == pytest.approx(4 / 5)
  assert found["category_purity", 2] == 1


def test_one_item_has_no_neighbours_but_a_report():
  ids = SemanticIds(CODES[:1], (2, 4))
  rows = quality.report(ids, vectors=VECTORS[:1])
  assert {row["metric"] for row in rows} >= {"ids", "perplexity"}


def test_lengths_are_reported_where_ids_end_early():
  short = CODES.copy()
  short[[0, 1, 3], 1] = -1
  ids = SemanticIds(short, (2, 4))
  rows = quality.report(ids, vectors=VECTORS, sample=6)
  found = {(row["metric"], row["level"]): row["value"] for row in rows}
  assert found["code_length", 0] == 1.5
  assert found["ends_here", 1] == found["ends_here", 2] == 0.5
  assert found["codes_used", 2] == 2
  assert ("code_length", 0) not in figures()


def test_nearest_items_are_those_of_the_least_distance():
  rng = np.random.default_rng(0)
  vectors = rng.normal(size=(150, 4)) * rng.uniform(0.2, 3, (150, 1))
  rows = rng.permutation(150)[:140]  # More than one part.
  found = quality.nearest_items(vectors, rows, count=3)
  gaps = np.square(vectors[rows][:, None] - vectors).sum(axis=-1)
  gaps[np.arange(140), rows] = np.inf
  expected = np.argsort(gaps, axis=1)[:, :3]
  np.testing.assert_array_equal(np.sort(found), np.sort(expected))


def test_a_nearest_item_that_is_a_partner_is_recalled():
  """Nearest to 0, 2, 3 and 5 are 1, 1, 4 and 4; 1 and 4 have no partner."""
  partners = RowLists(
    np.array([0, 2, 2, 3, 4, 4, 6]), np.array([1, 5, 0, 4, 3, 4])
  )
  rows = quality.partner_rows(VECTORS, partners)
  found = {row["metric"]: row["value"] for row in rows}
  assert found["partner_recall@1"] == pytest.approx(3 / 4)
  assert found["random_partner_recall@1"] == pytest.approx(6 / 4 / 5)
  nobody = RowLists(np.zeros(7, np.int64), np.zeros(0, np.int32))
  assert not [*quality.partner_rows(VECTORS, nobody)]
