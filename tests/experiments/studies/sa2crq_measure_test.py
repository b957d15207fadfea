"""Laws of the figures of single requests."""

import numpy as np
import pytest

from experiments.studies import sa2crq_measure as measures
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.plain_lists import from_lists

IDS = SemanticIds(np.array([[0], [1], [1], [2], [2], [2]]), (3,))
POPULARITY = np.array([5, 1, 4, 0, 0, 0])


def columns(found, segment="all"):
  return dict(zip(measures.METRICS, found[segment].T))


def test_items_follow_their_ids_and_the_popular_come_first():
  items = measures.expanded(np.array([[1, -1, 2]]), IDS, POPULARITY)
  assert items[0, :6].tolist() == [2, 1, 3, 4, 5, -1]


def test_all_items_of_wide_ids_are_named():
  crowd = SemanticIds(np.zeros((5000, 1), int), (1,))
  items = measures.expanded(np.array([[0]]), crowd, np.zeros(5000))
  assert (items >= 0).sum() == 5000


def test_segments_part_the_items_by_training_purchases():
  found = measures.segments_of(POPULARITY)
  assert found["all"].all()
  np.testing.assert_array_equal(found["head"], ~found["tail"])
  np.testing.assert_array_equal(found["new"], POPULARITY == 0)
  assert not (found["new"] & found["head"]).any()


def test_recall_counts_what_the_beam_names_and_a_segment_narrows_the_wanted():
  ids = np.array([[1, -1], [0, 2]])
  items = measures.expanded(ids, IDS, POPULARITY)
  relevant = from_lists([[2, 3], [1]])
  found = measures.measure(
    items, relevant, measures.segments_of(POPULARITY), ids=ids
  )
  whole, head, new = (columns(found, s) for s in ("all", "head", "new"))
  np.testing.assert_allclose(whole["recall@all"], [1 / 2, 0])
  np.testing.assert_allclose(head["recall@all"], [1, np.nan])
  np.testing.assert_allclose(new["recall@all"], [0, np.nan])
  np.testing.assert_allclose(whole["items"], [2, 4])
  np.testing.assert_allclose(whole["hallucination"], [1 / 2, 0])
  np.testing.assert_allclose(whole["mrr@10"], [1, 0])


def test_recall_never_falls_with_more_items():
  rng = np.random.default_rng(0)
  items = np.stack([rng.permutation(3000) for _ in range(8)])
  relevant = from_lists(rng.choice(3000, (8, 5), replace=False))
  every = {"all": np.ones(3000, bool)}
  found = measures.measure(items, relevant, every)["all"]
  recalls = found[:, : len(measures.RECALLS) + 1]
  assert (np.diff(recalls, axis=1) >= 0).all()
  assert (recalls[:, -1] == 1).all()


def test_what_names_items_itself_does_not_hallucinate():
  every = {"all": np.ones(6, bool)}
  found = measures.measure(np.array([[0, 1]]), from_lists([[1]]), every)
  for metric in measures.INVALID:
    assert np.isnan(columns(found)[metric]).all()


@pytest.mark.parametrize("metric", measures.MRRS)
def test_the_rank_that_counts_is_that_of_an_item(metric):
  ids = np.array([[1, 0]])
  items = measures.expanded(ids, IDS, POPULARITY)
  every = {"all": np.ones(6, bool)}
  found = measures.measure(items, from_lists([[0]]), every, ids=ids)
  np.testing.assert_allclose(columns(found)[metric], [1 / 3])
