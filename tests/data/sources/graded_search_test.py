"""Graded items become pages whose grades are gains."""

import numpy as np
import polars as pl
import pytest

from gr_jax.data.requests import CLICKED, EXPOSED, TEST, TRAIN, VALID
from gr_jax.data.sources import graded_search
from tests.reference.small_collection import write_graded


@pytest.fixture
def loaded(tmp_path):
  write_graded(tmp_path)
  return graded_search.load(tmp_path)


def page(loaded, query):
  """Split, items, kinds and gains of a query's page."""
  catalogue, requests, gains = loaded
  (row,) = np.flatnonzero(requests.queries[requests.query] == query)
  at = slice(*requests.page_offsets[row : row + 2])
  items = catalogue.item_ids[requests.page_item[at]].tolist()
  kinds = requests.page_kind[at].tolist()
  return int(requests.split[row]), items, kinds, gains[at].tolist()


def test_items_of_two_and_a_half_are_relevant_and_lower_ones_were_shown(loaded):
  split, items, kinds, _ = page(loaded, "deck")
  assert (split, items) == (TEST, ["101", "102"])
  assert kinds == [CLICKED, EXPOSED]
  assert page(loaded, "bracket")[:2] == (TRAIN, ["100", "101"])
  assert page(loaded, "hammer")[0] == VALID


def test_the_lowest_grade_gains_nothing(loaded):
  assert page(loaded, "bracket")[3] == [2.0, 0.0]
  np.testing.assert_allclose(page(loaded, "deck")[3], [1.5, 1.33], rtol=1e-6)


def test_nobody_has_a_history_and_only_training_is_popular(loaded):
  catalogue, requests, _ = loaded
  assert catalogue.texts.tolist() == ["steel bracket", "oak deck", "deck oil"]
  assert catalogue.popularity.tolist() == [1, 0, 0]
  assert all(not len(requests.history(r)) for r in range(len(requests)))


def test_a_missing_column_and_a_grade_below_the_lowest_raise(tmp_path):
  write_graded(tmp_path)
  path = tmp_path / "judgments.parquet"
  table = pl.read_parquet(path)
  table.with_columns(pl.col("relevance") - 1).write_parquet(path)
  with pytest.raises(ValueError, match=r"relevance of 0.0; the lowest is 1"):
    graded_search.load(tmp_path)
  table.drop("split").write_parquet(path)
  with pytest.raises(ValueError, match="lacks split"):
    graded_search.load(tmp_path)
  path.unlink()
  with pytest.raises(FileNotFoundError, match=r"judgments.parquet is missing"):
    graded_search.load(tmp_path)


def test_a_query_that_reads_like_an_item_id_is_not_that_item(tmp_path):
  write_graded(tmp_path)
  path = tmp_path / "judgments.parquet"
  table = pl.read_parquet(path).with_columns(query=pl.lit("100"))
  table.filter(pl.col("split") == "train").write_parquet(path)
  requests = graded_search.load(tmp_path).requests
  assert requests.own_item.tolist() == [-1]
  assert requests.page_item.tolist() == [0, 1]
