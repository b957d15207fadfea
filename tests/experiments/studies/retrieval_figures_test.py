"""Laws of the figures of single requests and of tables of IDs."""

import numpy as np
import pytest

from experiments.studies import retrieval_figures as figures
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.plain_lists import from_lists

IDS = SemanticIds(np.array([[0], [1], [1], [2], [2], [2]]), (3,))
POPULARITY = np.array([5, 1, 4, 0, 0, 0])
EARLY = SemanticIds(
  np.array([[0, 0], [0, 1], [1, -1], [1, -1], [1, -1]]), (2, 2)
)
CLICKS = np.array([8, 1, 1, 0, 0])


def test_items_follow_their_ids_and_the_popular_come_first():
  items = figures.expanded(np.array([[1, -1, 2]]), IDS, POPULARITY)
  assert items[0, :6].tolist() == [2, 1, 3, 4, 5, -1]


def test_all_items_of_wide_ids_are_named():
  crowd = SemanticIds(np.zeros((5000, 1), int), (1,))
  items = figures.expanded(np.array([[0]]), crowd, np.zeros(5000))
  assert (items >= 0).sum() == 5000


def test_segments_part_the_items_by_training_purchases():
  found = figures.segments_of(POPULARITY)
  assert found["all"].all()
  np.testing.assert_array_equal(found["head"], ~found["tail"])
  np.testing.assert_array_equal(found["new"], POPULARITY == 0)
  assert not (found["new"] & found["head"]).any()


def test_recall_counts_what_the_beam_names_and_a_segment_narrows_the_wanted():
  ids = np.array([[1, -1], [0, 2]])
  items = figures.expanded(ids, IDS, POPULARITY)
  relevant = from_lists([[2, 3], [1]])
  found = {
    decoding: figures.request_figures(
      decoding, items, relevant, POPULARITY, ids=ids
    )
    for decoding in ("catalogue", "unconstrained")
  }
  kept, free = found["catalogue"], found["unconstrained"]
  for segment, wanted in (
    ("all", [1 / 2, 0]),
    ("head", [1, np.nan]),
    ("new", [0, np.nan]),
  ):
    key = f"catalogue/{segment}/recall@all"
    np.testing.assert_allclose(kept[key], wanted)
  np.testing.assert_allclose(kept["catalogue/all/items"], [2, 4])
  np.testing.assert_allclose(kept["catalogue/all/mrr@10"], [1, 0])
  hallucination = free["unconstrained/all/hallucination"]
  np.testing.assert_allclose(hallucination, [1 / 2, 0])


def test_recall_never_falls_with_more_items():
  rng = np.random.default_rng(0)
  items = np.stack([rng.permutation(3000) for _ in range(8)])
  relevant = from_lists(rng.choice(3000, (8, 5), replace=False))
  found = figures.request_figures(
    "catalogue", items, relevant, np.ones(3000, int)
  )
  names = [*figures.RECALLS, "recall@all"]
  recalls = np.stack([found[f"catalogue/all/{name}"] for name in names], 1)
  assert (np.diff(recalls, axis=1) >= 0).all()
  assert (recalls[:, -1] == 1).all()


def test_what_names_items_itself_does_not_hallucinate():
  for decoding in ("catalogue", "unconstrained"):
    found = figures.request_figures(
      decoding, np.array([[0, 1]]), from_lists([[1]]), np.ones(6, int)
    )
    assert found
    assert not [name for name in found if "hallucination" in name]


def test_hallucination_belongs_to_the_unconstrained_beam_alone():
  for segment in figures.SEGMENTS:
    assert not set(figures.INVALID) & set(
      figures.reported("catalogue", segment)
    )
  assert figures.reported("unconstrained", "new") == ()


@pytest.mark.parametrize("metric", figures.MRRS)
def test_the_rank_that_counts_is_that_of_an_item(metric):
  ids = np.array([[1, 0]])
  items = figures.expanded(ids, IDS, POPULARITY)
  found = figures.request_figures(
    "catalogue", items, from_lists([[0]]), POPULARITY, ids=ids
  )
  np.testing.assert_allclose(found[f"catalogue/all/{metric}"], [1 / 3])


def test_crowding_and_lengths_of_a_small_table():
  found = figures.id_figures(EARLY, CLICKS)
  assert found["ids"] == 3
  assert found["items_per_id"] == pytest.approx(5 / 3)
  assert found["items_at_an_items_id"] == pytest.approx((1 + 1 + 3 * 3) / 5)
  assert found["largest"] == 3
  assert found["length_head"] == 2
  assert found["length_tail"] == pytest.approx(5 / 4)
  assert found["ends_head"] == [0, 1]
  assert found["ends_tail"] == [0.75, 0.25]
  assert found["level_sizes"] == [2, 2]


def test_quantiles_of_ids_rise_to_the_largest():
  found = figures.id_figures(EARLY, CLICKS)
  assert found["quantiles"] == sorted(found["quantiles"])
  assert found["quantiles"][-1] <= found["largest"]
