import os
import pathlib

import numpy as np
import polars as pl
import pytest

from gr_jax.data import row_lists
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
