"""The data of a world: sets of others in the form that a source reads."""

import pathlib
import shutil
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from gr_jax.data.sources import own_data


def movie_ratings(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
  """Imports the ratings of MovieLens as a user would, without times.

  The place of a rating in its user's history is `order` where the set has it,
  else that of its time; ratings without a place are left out. The import then
  takes each user's last item for the test and the one before it for
  validation, as published figures do.

  Args:
    source: A folder with `ratings.parquet` (user_id, item_id, order or
      timestamp) and `movies.parquet` (item_id, title, genres).
    folder: Where files are written.

  Returns:
    A folder that `own_data.load` reads.
  """
  ratings = pl.read_parquet(source / "ratings.parquet")
  if "order" not in ratings.columns:
    ratings = ratings.sort("user_id", "timestamp", maintain_order=True)
    ratings = ratings.with_columns(order=pl.int_range(pl.len()).over("user_id"))
  events = folder / "events.parquet"
  ratings.drop_nulls("order").select("user_id", "item_id", "order").cast(
    {"user_id": pl.String, "item_id": pl.String}
  ).write_parquet(events)
  items = folder / "items.parquet"
  pl.read_parquet(source / "movies.parquet").select(
    item_id=pl.col("item_id").cast(pl.String),
    text=pl.concat_str("title", "genres", separator=", ").str.replace_all(
      "|", ", ", literal=True
    ),
    category="genres",
  ).write_parquet(items)
  own_data.import_tables(items, events, {}, folder / "imported")
  return folder / "imported"


def some_reviews(
  source: pathlib.Path,
  folder: pathlib.Path,
  *,
  items: int,
  events: int,
  least: int = 3,
  seed: int = 0,
) -> pathlib.Path:
  """A small shop: random items of a set of reviews, and users of these.

  Args:
    source: A folder that `amazon_reviews.load` reads.
    folder: Where the tables are written, in the same form.
    items: The number of items that are drawn.
    events: Users are drawn until they have so many events.
    least: The events of a user, at least, as leave-one-out needs some.
    seed: The seed of both draws.
  """
  rng = np.random.default_rng(seed)
  table = pl.read_parquet(source / "items.parquet")
  rows = np.sort(rng.permutation(table.height)[:items])
  table = table[rows]
  kept = (
    pl.read_parquet(source / "interactions.parquet")
    .join(table.select("item_id"), on="item_id", how="semi")
    .filter(pl.len().over("user_id") >= least)
    .sort("user_id", "position", maintain_order=True)
  )
  users = kept.group_by("user_id", maintain_order=True).len()
  users = users[rng.permutation(users.height)]
  users = users.filter(pl.col("len").cum_sum() <= events)
  table.write_parquet(folder / "items.parquet")
  kept.join(users.select("user_id"), on="user_id", how="semi").write_parquet(
    folder / "interactions.parquet"
  )
  return folder


def _as_it_is(source: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
  del folder
  return source


FORMS: Mapping[str, Callable[..., pathlib.Path]] = {
  "": _as_it_is,
  "movie_ratings": movie_ratings,
  "some_reviews": some_reviews,
}
"""What makes a folder that the source of a world reads, by name."""


def prepared(
  form: str, source: pathlib.Path, folder: pathlib.Path, **options
) -> pathlib.Path:
  """The folder that the source of a world reads, made once.

  Args:
    form: One of `FORMS`.
    source: The folder of the set.
    folder: Where files may be written; it appears whole or not at all.
    **options: Those of the form.
  """
  make = FORMS[form]
  if make is _as_it_is:
    return source
  done = folder / "path"
  if not done.is_file():
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = make(source, folder, **options)
    done.write_text(str(path.relative_to(folder)))
  return folder / done.read_text()
