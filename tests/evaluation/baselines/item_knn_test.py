import itertools
import os
import pathlib

import numpy as np
import polars as pl
import pytest

from gr_jax.data import row_lists
from gr_jax.data.requests import TEST
from gr_jax.data.sources import amazon_reviews
from gr_jax.evaluation import metrics
from gr_jax.evaluation.baselines import item_knn
from tests.reference.plain_lists import from_lists

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = pathlib.Path(os.environ.get("GR_JAX_DATA", ROOT.parent / "shared/data"))


def test_weights_are_the_equation():
  # 0 1 2 3 in a row, then 1 0 elsewhere: popularity 2, 2, 1, 1.
  state = item_knn.fit(from_lists([[0, 1, 2, 3], [1, 0]]), num_items=4)
  assert state.order.tolist() == [0, 1, 2, 3]
  pairs = np.array(
    [
      [0, 1 + 1 / 2, 1 / 2, 1 / 3],
      [1 / 2 + 1, 0, 1, 1 / 2],
      [1 / 2 / 2, 1 / 2, 0, 1],
      [1 / 3 / 2, 1 / 2 / 2, 1 / 2, 0],
    ]
  )
  scale = 1 / (np.sqrt([2, 2, 1, 1]) + 5)
  np.testing.assert_allclose(state.weights.toarray(), pairs * scale, rtol=1e-6)


def test_the_newest_item_speaks_loudest_and_the_eleventh_is_silent():
  sequences = from_lists([[0, 1], [2, 3]])
  state = item_knn.fit(sequences, num_items=5)
  histories = from_lists([[0, 2], [2, 0], [0] + [4] * 10])
  ranked = item_knn.rank(state, histories, k=2, exclude=histories)
  assert ranked.tolist() == [[3, 1], [1, 3], [1, 2]]
  loud = item_knn.rank(state, from_lists([[2] + [4] * 9]), k=1)
  assert loud.tolist() == [[3]]
  silent = item_knn.rank(state, from_lists([[2] + [4] * 10]), k=1)
  assert silent.tolist() == [[0]]


def test_pairs_do_not_reach_across_sequences():
  state = item_knn.fit(from_lists([[0], [1], []]), num_items=2)
  assert state.weights.nnz == 0


def test_amazon_beauty_gives_the_known_figures():
  folder = DATA / "amazon_beauty"
  if not folder.is_dir():
    pytest.skip(f"needs the Amazon Beauty tables in {folder}")
  items = pl.read_parquet(folder / "items.parquet")["item_id"]
  events = pl.read_parquet(folder / "interactions.parquet")
  events = events.sort("user_id", "position")
  row_of = {item: row for row, item in enumerate(items)}
  rows = np.array([row_of[item] for item in events["item_id"]])
  lengths = events.group_by("user_id", maintain_order=True).len()["len"]
  ends = np.cumsum(lengths.to_numpy().astype(np.int64))
  starts = np.concatenate([[0], ends[:-1]])
  histories = row_lists.from_spans(rows, starts, ends - 1)
  state = item_knn.fit(histories, num_items=len(items))
  ranked = item_knn.rank(state, histories, k=10, exclude=histories)
  wanted = row_lists.from_spans(rows, ends - 1, ends)
  figures = metrics.request_metrics(ranked, wanted, cutoffs=(10,)).mean(axis=0)
  recall, _, ndcg, _ = figures[:, 0]
  assert abs(recall - 0.0906) < 5e-4, recall
  assert abs(ndcg - 0.0570) < 5e-4, ndcg


@pytest.mark.parametrize("last", [1, 2, 10])
def test_ranks_are_those_of_the_scores_of_the_equation(last):
  rng = np.random.default_rng(0)
  sequences = [rng.integers(0, 9, size).tolist() for size in (9, 6, 7, 5, 8)]
  histories = [rng.integers(0, 9, size).tolist() for size in (1, 2, 4, 12, 3)]
  weights = np.zeros((9, 9))
  for sequence in sequences:
    for p, q in itertools.combinations(range(len(sequence)), 2):
      if q - p <= 3:
        weights[sequence[p], sequence[q]] += 1 / (q - p)
        weights[sequence[q], sequence[p]] += 0.5 / (q - p)
  popularity = np.bincount(np.concatenate(sequences), minlength=9)
  weights /= np.sqrt(popularity) + 5
  ranked = item_knn.rank(
    item_knn.fit(from_lists(sequences), num_items=9),
    from_lists(histories),
    k=5,
    last=last,
  )
  for row, history in zip(ranked, histories):
    newest = history[::-1][:last]
    score = sum(weights[item] / (1 + a) for a, item in enumerate(newest))
    best = np.argsort(-score, kind="stable")[:5]
    assert np.diff(np.sort(score[score > 0])).min() > 1e-6  # No ties.
    assert (
      row[: (score > 0).sum()].tolist() == best[: (score > 0).sum()].tolist()
    )


def test_a_newer_item_counts_by_one_over_its_age():
  """The newest speaks for item 2 by 4, the one before for item 3 by 7 / 2."""
  sequences = from_lists([[0, 2]] * 4 + [[1, 3]] * 7)
  state = item_knn.fit(sequences, num_items=4, shrinkage=1e6)
  ranked = item_knn.rank(state, from_lists([[1, 0]]), k=1)
  assert ranked.tolist() == [[2]]


def test_figures_of_a_small_folder_of_the_same_tables(tmp_path):
  """Users u, v, w want C, which nothing speaks for; x wants B, after A."""
  sequences = {"u": "ABC", "v": "ABC", "w": "DEC", "x": "EAB"}
  pl.DataFrame(
    {
      "item_id": list("ABCDE"),
      "title": list("ABCDE"),
      "attributes": [[]] * 5,
    },
    schema_overrides={"attributes": pl.List(pl.String)},
  ).write_parquet(tmp_path / "items.parquet")
  pl.DataFrame(
    [
      (user, item, position)
      for user, items in sequences.items()
      for position, item in enumerate(items)
    ],
    schema=["user_id", "item_id", "position"],
    orient="row",
  ).write_parquet(tmp_path / "interactions.parquet")
  catalogue, requests = amazon_reviews.load(tmp_path, valid_trains=True)
  rows = requests.rows(TEST, "next_basket")
  histories = from_lists([requests.history(r) for r in rows])
  wanted = from_lists([requests.targets(r) for r in rows])
  state = item_knn.fit(histories, num_items=len(catalogue))
  ranked = item_knn.rank(state, histories, k=3, exclude=histories)
  names = catalogue.item_ids[ranked].tolist()
  # Without counted pairs by popularity: A 3, E 2, B 2, D 1, C 0.
  assert [row[0] for row in names] == ["E", "E", "A", "B"]
  assert [row[2] for row in names] == ["C", "C", "C", "C"]
  recall, _, ndcg, _ = metrics.request_metrics(
    ranked, wanted, cutoffs=(3,)
  ).mean(axis=0)[:, 0]
  assert recall == 1
  np.testing.assert_allclose(ndcg, (3 / np.log2(4) + 1) / 4)
