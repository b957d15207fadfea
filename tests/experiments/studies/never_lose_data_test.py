"""Sets of others in the form that a source reads."""

import numpy as np
import polars as pl
import pytest

from experiments.studies import never_lose_data
from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.sources import amazon_reviews, own_data


@pytest.fixture
def ratings(tmp_path):
  """Two users; the second rated in another order than the file's."""
  folder = tmp_path / "source"
  folder.mkdir()
  rows = [(1, 10, 5), (1, 11, 6), (1, 12, 7), (1, 13, 8),
          (2, 10, 9), (2, 11, 8), (2, 12, 7), (2, 13, 6)]  # fmt: skip
  table = pl.DataFrame(
    rows, schema=["user_id", "item_id", "timestamp"], orient="row"
  )
  table.write_parquet(folder / "ratings.parquet")
  pl.DataFrame(
    {
      "item_id": [10, 11, 12, 13],
      "title": ["Heat", "Alien", "Up", "Jaws"],
      "genres": ["Crime|Drama", "Horror", "Comedy", "Horror"],
    }
  ).write_parquet(folder / "movies.parquet")
  return folder, table


def of_user(requests, user):
  rows = np.flatnonzero(requests.user == requests.user_ids.tolist().index(user))
  return {int(requests.split[r]): requests.targets(r).tolist() for r in rows}


def test_the_last_ratings_of_a_user_are_held_out(ratings, tmp_path):
  source, _ = ratings
  path = never_lose_data.prepared("movie_ratings", source, tmp_path / "made")
  catalogue, requests = own_data.load(path)
  assert catalogue.texts[0] == "Heat, Crime, Drama"
  assert catalogue.item_ids.tolist() == ["10", "11", "12", "13"]
  assert of_user(requests, "1") == {TRAIN: [1], VALID: [2], TEST: [3]}
  assert of_user(requests, "2") == {TRAIN: [2], VALID: [1], TEST: [0]}
  # Positions, not times: nothing else of the set is known.
  assert not requests.shared_clock


def test_the_order_of_a_set_is_before_its_times(ratings, tmp_path):
  source, table = ratings
  order = [3, 2, 1, 0, 0, 1, 2, None]
  table.with_columns(order=pl.Series(order)).write_parquet(
    source / "ratings.parquet"
  )
  path = never_lose_data.prepared("movie_ratings", source, tmp_path / "made")
  _, requests = own_data.load(path)
  assert of_user(requests, "1") == {TRAIN: [2], VALID: [1], TEST: [0]}
  # A rating without a place is left out.
  assert of_user(requests, "2") == {TRAIN: [1], TEST: [2]}


def reviews(folder, *, users, items, seed=0):
  folder.mkdir()
  rng = np.random.default_rng(seed)
  names = [f"i{k}" for k in range(items)]
  pl.DataFrame(
    {
      "item_id": names,
      "title": names,
      "attributes": [["Bath", "Soap"]] * items,
    }
  ).write_parquet(folder / "items.parquet")
  rows = [
    (f"u{u:02}", f"i{item}", place)
    for u in range(users)
    for place, item in enumerate(rng.permutation(items)[:8])
  ]
  pl.DataFrame(
    rows, schema=["user_id", "item_id", "position"], orient="row"
  ).write_parquet(folder / "interactions.parquet")


def test_a_small_shop_has_some_items_and_users_of_these(tmp_path):
  source = tmp_path / "source"
  reviews(source, users=40, items=20)
  path = never_lose_data.prepared(
    "some_reviews", source, tmp_path / "made", items=10, events=60
  )
  catalogue, requests = amazon_reviews.load(path)
  assert len(catalogue) == 10
  # Users are drawn until there are so many events; none is cut.
  assert 60 - 8 < len(requests.event_item) <= 60
  assert np.diff(requests.user_offsets).min() >= 3
  whole = pl.read_parquet(source / "interactions.parquet")
  kept = whole.filter(pl.col("item_id").is_in(catalogue.item_ids.tolist()))
  for row, user in enumerate(requests.user_ids):
    begin, end = requests.user_offsets[row : row + 2]
    mine = catalogue.item_ids[requests.event_item[begin:end]].tolist()
    assert mine == kept.filter(user_id=user)["item_id"].to_list()


def test_what_was_made_is_not_made_again(ratings, tmp_path):
  source, _ = ratings
  path = never_lose_data.prepared("movie_ratings", source, tmp_path / "made")
  before = (path / "own_data.json").stat().st_mtime_ns
  again = never_lose_data.prepared("movie_ratings", source, tmp_path / "made")
  assert again == path
  assert (path / "own_data.json").stat().st_mtime_ns == before
  # A folder that was cut off is made anew.
  (tmp_path / "made" / "path").unlink()
  again = never_lose_data.prepared("movie_ratings", source, tmp_path / "made")
  assert (again / "own_data.json").stat().st_mtime_ns > before


def test_a_set_in_the_form_of_its_source_stays_where_it_is(tmp_path):
  assert never_lose_data.prepared("", tmp_path, tmp_path / "made") == tmp_path
  assert not (tmp_path / "made").exists()
