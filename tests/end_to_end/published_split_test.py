"""A published split comes in as it is: no time is invented, no row is moved."""

import os
import pathlib

import numpy as np
import polars as pl
import pytest

from configs import own_data as recipe
from experiments.pipeline.prepare import prepare
from gr_jax import import_data
from gr_jax.data.requests import TEST, TRAIN, VALID, Requests
from gr_jax.data.sources import amazon_reviews

ROOT = pathlib.Path(__file__).parents[2]
DATA = pathlib.Path(os.environ.get("GR_JAX_DATA", ROOT / "../shared/data"))
FOLD = (
  pl.when(pl.col("left") == 0)
  .then(pl.lit("Test"))
  .when(pl.col("left") == 1)
  .then(pl.lit("dev"))
  .otherwise(pl.lit("train"))
)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> pathlib.Path:
  """A set in the form of Beauty: 30 users of 5 to 9 events, rows shuffled."""
  folder = tmp_path_factory.mktemp("small")
  pl.DataFrame(
    {
      "item_id": [f"B{k}" for k in range(20)],
      "title": [f"thing {k}" for k in range(20)],
      "attributes": [["Bath", ("Soap", "Oil")[k % 2]] for k in range(20)],
    }
  ).write_parquet(folder / "items.parquet")
  rng = np.random.default_rng(0)
  rows = [
    (f"u{user}", f"B{item}", position)
    for user in range(30)
    for position, item in enumerate(rng.permutation(20)[: rng.integers(5, 10)])
  ]
  columns = ["user_id", "item_id", "position"]
  events = pl.DataFrame(rows, schema=columns, orient="row")
  events.sample(fraction=1, shuffle=True, seed=1).write_parquet(
    folder / "interactions.parquet"
  )
  return folder


def _imported(folder: pathlib.Path, columns: str, events: pl.DataFrame):
  """What `configs/own_data.py` reads of an import from the command line."""
  items = pl.read_parquet(folder / "items.parquet")
  # One item of Beauty has no title, only attributes.
  items = items.with_columns(
    title=pl.concat_list("title", "attributes").list.join(" ")
  )
  out = folder.parent / "import"
  out.mkdir(exist_ok=True)
  items.write_parquet(out / "items.parquet")
  events.write_parquet(out / "events.parquet")
  arguments = [
    f"--items={out / 'items.parquet'}",
    f"--events={out / 'events.parquet'}",
    f"--columns=text=title,category=attributes,{columns}",
    f"--output={out / 'data'}",
    "--overwrite",
  ]
  assert import_data.main(arguments) == 0
  config = recipe.get_config("tiny")
  config.data.path = str(out / "data")
  data = prepare(config.data, out / "run")
  return data.catalogue, data.requests


def _events(folder: pathlib.Path) -> pl.DataFrame:
  events = pl.read_parquet(folder / "interactions.parquet")
  left = pl.col("position").max().over("user_id") - pl.col("position")
  return events.with_columns(left=left).with_columns(fold=FOLD)


def _flat(requests: Requests) -> dict[str, list]:
  """The requests by user and time, as lists that do not name row numbers."""
  r = requests
  order = np.lexsort((r.time, r.user))
  starts = r.user_offsets[r.user]
  return {
    "users": r.user_ids.tolist(),
    "events": r.event_item.tolist(),
    "times": r.event_time.tolist(),
    "user": r.user[order].tolist(),
    "time": r.time[order].tolist(),
    "history": (r.history_end - starts)[order].tolist(),
    "targets": r.page_item[r.page_offsets[:-1]][order].tolist(),
    "target_counts": np.unique(np.diff(r.page_offsets)).tolist(),
    "query": r.query[order].tolist(),
    "split": r.split[order].tolist(),
    "shared_clock": [r.shared_clock],
  }


def _check_equal(folder: pathlib.Path) -> None:
  """Both columns give the requests of the source that knows the protocol."""
  catalogue, requests = amazon_reviews.load(folder)
  expected = _flat(requests)
  for columns in ("order=position", "order=position,split=fold"):
    own_catalogue, own = _imported(folder, columns, _events(folder))
    assert _flat(own) == expected
    assert own_catalogue.item_ids.tolist() == catalogue.item_ids.tolist()
    np.testing.assert_array_equal(
      own_catalogue.popularity, catalogue.popularity
    )


def test_a_small_set_is_that_of_the_source(small):
  _check_equal(small)


def test_beauty_is_that_of_the_source(tmp_path):
  folder = DATA / "amazon_beauty"
  if not folder.is_dir():
    pytest.skip(f"no amazon_beauty in {DATA}; set GR_JAX_DATA to run this test")
  for name in ("items", "interactions"):
    table = pl.read_parquet(folder / f"{name}.parquet")
    (tmp_path / "set").mkdir(exist_ok=True)
    table.write_parquet(tmp_path / "set" / f"{name}.parquet")
  _check_equal(tmp_path / "set")


def test_any_split_by_row_is_kept(small):
  """Users of the test alone, and users who are never asked for."""
  words = {"0": "train", "1": "test", "2": "validation"}
  number = pl.col("user_id").str.slice(1).cast(pl.Int64) % 3
  events = _events(small).with_columns(
    fold=number.cast(pl.String).replace_strict(words)
  )
  catalogue, r = _imported(small, "order=position,split=fold", events)
  parts = {"train": TRAIN, "validation": VALID, "test": TEST}
  users = dict(events.select("user_id", "fold").unique().rows())
  expected = [parts[users[name]] for name in r.user_ids[r.user]]
  assert r.split.tolist() == expected
  assert len(r) == events.height - len(users)
  trained = events.filter(pl.col("fold") == "train")
  assert catalogue.popularity.sum() == trained.height


def test_a_random_split_needs_no_order(small, capsys):
  """With an order it would be learned with the test in histories: refused."""
  events = _events(small).with_columns(
    fold=pl.lit(pl.Series((["train"] * 3 + ["test"]) * 75)).head(pl.len())
  )
  _, r = _imported(small, "split=fold", events.drop("position"))
  assert "rows come after a row of a later split" in capsys.readouterr().out
  held_out = events.filter(pl.col("fold") == "test").group_by("user_id").len()
  asked = np.bincount(r.user[r.split == TEST], minlength=len(r.user_ids))
  expected = dict(held_out.rows())
  assert asked.tolist() == [expected.get(user, 0) for user in r.user_ids]
  out = small.parent / "import"
  before = (out / "data" / "own_data.json").read_bytes()
  events.write_parquet(out / "events.parquet")
  arguments = [
    f"--items={out / 'items.parquet'}",
    f"--events={out / 'events.parquet'}",
    "--columns=text=title,order=position,split=fold",
    f"--output={out / 'data'}",
    "--overwrite",
  ]
  assert import_data.main(arguments) == 1
  (error,) = [
    line
    for line in capsys.readouterr().err.splitlines()
    if line.startswith("error")
  ]
  assert "come after an event of a later split of their user" in error
  assert "no time and order column" in error
  assert (out / "data" / "own_data.json").read_bytes() == before
