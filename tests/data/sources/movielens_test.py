"""MovieLens in either form is the same log."""

import numpy as np
import polars as pl
import pytest

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.sources import movielens

RATINGS = [
  (1, 20, 5, 100), (1, 10, 3, 90), (1, 30, 4, 100), (1, 40, 1, 200),
  (2, 10, 2, 50), (2, 40, 5, 60), (2, 20, 4, 60),
]  # fmt: skip
MOVIES = [
  (10, "Toy Story (1995)", "Animation|Comedy"), (20, "Café (1996)", "Drama"),
  (30, "Heat (1995)", "Action"), (40, "Up: 2::1 (1999)", "Action|Drama"),
  (50, "Never rated (1990)", "Drama"),
]  # fmt: skip


@pytest.fixture
def lines(tmp_path):
  for name, rows in (("ratings", RATINGS), ("movies", MOVIES)):
    text = "".join("::".join(map(str, row)) + "\n" for row in rows)
    (tmp_path / f"{name}.dat").write_bytes(text.encode("latin-1"))
  return tmp_path


def tables(folder, orders):
  columns = ("user_id", "item_id", "rating", "timestamp")
  ratings = pl.DataFrame(RATINGS, schema=list(columns), orient="row")
  ratings = ratings.with_columns(order=pl.Series(orders, dtype=pl.Int64))
  ratings.write_parquet(folder / "ratings.parquet")
  movies = [row for row in MOVIES if "::" not in row[1]]
  pl.DataFrame(
    movies, schema=["item_id", "title", "genres"], orient="row"
  ).write_parquet(folder / "movies.parquet")


def test_the_last_rating_is_the_test_and_ties_are_a_second_apart(lines):
  # A title with the separator in it is cut where its genres would begin.
  catalogue, requests = movielens.load(lines)
  assert list(catalogue.item_ids) == ["10", "20", "30", "40"]
  assert catalogue.texts[1] == "Café (1996), Drama"
  assert requests.event_item.tolist() == [0, 1, 2, 3, 0, 3, 1]
  assert requests.event_time.tolist() == [90, 100, 101, 200, 50, 60, 61]
  assert requests.event_action.tolist() == [3, 5, 4, 1, 2, 5, 4]
  assert requests.split.tolist() == [TRAIN, VALID, TEST, VALID, TEST]


def test_valid_targets_can_be_learned_as_well(lines):
  _, requests = movielens.load(lines, valid_trains=True)
  assert requests.split.tolist() == [TRAIN, TRAIN, TEST, TRAIN, TEST]


def test_a_given_order_goes_before_times_and_unknown_rows_go_by_theirs(
  tmp_path,
):
  tables(tmp_path, [2, 0, 1, None, 0, 1, 2])
  _, requests = movielens.load(tmp_path)
  assert requests.event_item.tolist() == [0, 2, 1, 3, 0, 3, 1]
  assert (np.diff(requests.event_time[:4]) > 0).all()


def test_what_is_missing_is_named(tmp_path):
  with pytest.raises(FileNotFoundError, match=r"ratings\.parquet"):
    movielens.load(tmp_path)
  tables(tmp_path, [0] * 7)
  pl.read_parquet(tmp_path / "ratings.parquet").drop("rating").write_parquet(
    tmp_path / "ratings.parquet"
  )
  with pytest.raises(ValueError, match="no column 'rating'"):
    movielens.load(tmp_path)
