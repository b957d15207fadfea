"""The leave-one-out protocol splits as the papers do."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.data.sources import amazon_reviews


@pytest.fixture
def folder(tmp_path):
  pl.DataFrame(
    {
      "item_id": [f"B{i}" for i in range(6)],
      "title": ["soap bar", "comb", None, "oil", "gel", "mist"],
      "attributes": [
        ["Dove", "Bath", "Soaps"],
        ["Hair", "Combs"],
        ["Bath"],
        ["Nuxe", "Hair"],
        ["Nuxe"],
        [],
      ],
    }
  ).write_parquet(tmp_path / "items.parquet")
  pl.DataFrame(
    {
      "user_id": ["v", "u", "u", "u", "u", "v", "v"],
      "item_id": ["B5", "B3", "B0", "B1", "B2", "B4", "B0"],
      "position": [0, 3, 0, 1, 2, 1, 2],
    }
  ).write_parquet(tmp_path / "interactions.parquet")
  return tmp_path


def test_last_item_is_test_and_the_one_before_it_valid(folder):
  catalogue, requests = amazon_reviews.load(folder)
  ids = catalogue.item_ids
  found = {
    (requests.user_ids[requests.user[r]], int(requests.split[r])): (
      ids[requests.history(r)].tolist(),
      ids[requests.targets(r)].tolist(),
    )
    for r in range(len(requests))
  }
  assert found == {
    ("u", TRAIN): (["B0"], ["B1"]),
    ("u", VALID): (["B0", "B1"], ["B2"]),
    ("u", TEST): (["B0", "B1", "B2"], ["B3"]),
    ("v", VALID): (["B5"], ["B4"]),
    ("v", TEST): (["B5", "B4"], ["B0"]),
  }


def test_popularity_counts_neither_valid_nor_test_items(folder):
  catalogue, _ = amazon_reviews.load(folder)
  assert catalogue.popularity.tolist() == [1, 1, 0, 0, 0, 1]


def test_valid_targets_can_train(folder):
  catalogue, requests = amazon_reviews.load(folder, valid_trains=True)
  _, validation = amazon_reviews.load(folder)
  expected = np.where(validation.split == VALID, TRAIN, validation.split)
  np.testing.assert_array_equal(requests.split, expected)
  np.testing.assert_array_equal(requests.history_end, validation.history_end)
  assert catalogue.popularity.tolist() == [1, 1, 1, 0, 1, 1]


def test_a_leading_brand_is_not_part_of_the_category_path(folder):
  items = pl.read_parquet(folder / "items.parquet")
  assert amazon_reviews.category_paths(items["attributes"].to_list()) == [
    ["Bath", "Soaps"],
    ["Hair", "Combs"],
    ["Bath"],
    ["Hair"],
    [],
    [],
  ]


def test_text_is_title_and_attributes(folder):
  catalogue, _ = amazon_reviews.load(folder)
  assert catalogue.texts[:3].tolist() == [
    "soap bar, Dove, Bath, Soaps",
    "comb, Hair, Combs",
    "Bath",
  ]


def test_interactions_of_unknown_items_are_refused(folder):
  pl.read_parquet(folder / "items.parquet").head(4).write_parquet(
    folder / "items.parquet"
  )
  with pytest.raises(ValueError, match="2 interactions name items"):
    amazon_reviews.load(folder)


def test_missing_table_is_named(tmp_path):
  with pytest.raises(FileNotFoundError, match=r"items\.parquet is missing"):
    amazon_reviews.load(tmp_path)


def test_real_beauty_set_follows_the_published_split():
  root = Path(__file__).parents[3]
  data = Path(os.environ.get("GR_JAX_DATA", root / "../shared/data"))
  if not (data / "amazon_beauty").is_dir():
    pytest.skip(f"no amazon_beauty in {data}; set GR_JAX_DATA to run this test")
  catalogue, requests = amazon_reviews.load(data / "amazon_beauty")
  assert (len(catalogue), len(requests.user_ids)) == (12101, 22363)
  assert len(requests.rows(TEST, "next_basket")) == 22363
  assert len(requests.rows(VALID, "next_basket")) == 22363
  assert catalogue.popularity.sum() == 198502 - 2 * 22363
  assert len(catalogue.category_names[0]) == 6
  known = np.count_nonzero(catalogue.categories[:, 0] >= 0)
  assert known == 12101
