"""MovieLens (GroupLens): who rated what, and when, leave-one-out.

Reads a folder with `ratings.dat` and `movies.dat`, as ml-1m has them, or with
`ratings.parquet` (user_id, item_id, rating, timestamp in seconds; `order`, the
place within the user, where times tie or are not exact) and `movies.parquet`
(item_id, title, genres, `|` between them).

Every rating is an event, whatever it says, as HSTU and SASRec read them; what
was rated is the catalogue. Requests are those of `leave_one_out`; ratings of
one second stay in the order of the file.
"""

from pathlib import Path

import numpy as np
import polars as pl

from gr_jax.data.catalogue import Catalogue, category_columns, object_array
from gr_jax.data.requests import Requests
from gr_jax.data.row_lists import offsets_of
from gr_jax.data.sources.leave_one_out import leave_one_out
from gr_jax.data.training_period import event_counts

_COLUMNS = ("user_id", "item_id", "rating", "timestamp")


def load(
  directory: Path, *, valid_trains: bool = False
) -> tuple[Catalogue, Requests]:
  """The movies that were rated, and requests.

  Args:
    directory: the folder of the tables.
    valid_trains: True to train on the valid targets; none are left.

  Raises:
    FileNotFoundError: a table is missing.
    ValueError: a column is missing.
  """
  directory = Path(directory)
  ratings, movies = _tables(directory)
  if missing := {*_COLUMNS} - {*ratings.columns}:
    raise ValueError(
      f"the ratings of {directory} have no column {min(missing)!r}; they have "
      f"{', '.join(ratings.columns)}."
    )
  ratings = _in_order(ratings)
  rated = ratings["item_id"].unique().sort()
  items = pl.DataFrame({"item_id": rated}).join(
    movies, on="item_id", how="left", maintain_order="left"
  )
  item = np.searchsorted(rated.to_numpy(), ratings["item_id"].to_numpy())
  user = ratings["user_id"].rle_id().to_numpy()
  requests = leave_one_out(
    ratings["user_id"].unique(maintain_order=True).cast(pl.String).to_list(),
    offsets_of(np.bincount(user)),
    item,
    ratings["time"].to_numpy(),
    valid_trains=valid_trains,
    event_action=ratings["rating"].to_numpy().astype(np.int8),
    shared_clock=True,
  )
  return _catalogue(items, requests), requests


def _tables(directory: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
  if (directory / "ratings.dat").is_file():
    ratings = _lines(directory / "ratings.dat", _COLUMNS)
    movies = _lines(directory / "movies.dat", ("item_id", "title", "genres"))
    return (
      ratings.select(pl.all().cast(pl.Int64)),
      movies.with_columns(pl.col("item_id").cast(pl.Int64)),
    )
  paths = [directory / f"{name}.parquet" for name in ("ratings", "movies")]
  for path in paths:
    if not path.is_file():
      raise FileNotFoundError(
        f"{path} is missing; the folder must hold ratings.dat and movies.dat "
        "of MovieLens, or ratings.parquet and movies.parquet."
      )
  ratings, movies = map(pl.read_parquet, paths)
  return ratings, movies.with_columns(
    pl.col("item_id").cast(ratings["item_id"].dtype)
  )


def _lines(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
  """A table whose cells `::` parts; titles of ml-1m are Latin-1."""
  if not path.is_file():
    raise FileNotFoundError(f"{path} is missing; it belongs to MovieLens.")
  rows = [
    line.split("::", len(columns) - 1)
    for line in path.read_text("latin-1").splitlines()
    if line
  ]
  return pl.DataFrame(rows, schema=list(columns), orient="row")


def _in_order(ratings: pl.DataFrame) -> pl.DataFrame:
  """Users one after the other, oldest ratings first, with a rising `time`.

  A time that is missing or stands before the one ahead of it takes that one's.
  """
  if "order" not in ratings.columns:
    ratings = ratings.with_columns(order=pl.lit(0))
  time = pl.col("timestamp").cast(pl.Int64)
  known = ratings.filter(pl.col("order").is_not_null())
  filled = time.forward_fill().backward_fill().fill_null(0)
  known = known.sort("user_id", "order", "timestamp", maintain_order=True)
  known = known.with_columns(time=filled.cum_max().over("user_id"))
  # Of those without time and order nothing is known: they go first.
  others = ratings.filter(pl.col("order").is_null())
  others = others.with_columns(time=time.fill_null(0))
  place = pl.int_range(pl.len())
  return (
    pl.concat([known, others])
    .sort("user_id", "time", "order", nulls_last=True, maintain_order=True)
    .with_columns(
      time=((pl.col("time") - place).cum_max() + place).over("user_id")
    )
  )


def _catalogue(items: pl.DataFrame, requests: Requests) -> Catalogue:
  titles = items["title"].fill_null("").to_list()
  genres = items["genres"].fill_null("").to_list()
  first = [[g.split("|")[0]] if g else [] for g in genres]
  categories, names = category_columns(first)
  texts = [
    ", ".join(part for part in (title, *g.split("|")) if part)
    for title, g in zip(titles, genres)
  ]
  return Catalogue(
    item_ids=object_array(items["item_id"].cast(pl.String).to_list()),
    texts=object_array(texts),
    categories=categories,
    category_names=names,
    values=np.zeros(items.height, np.float32),
    popularity=event_counts(requests, num_items=items.height),
  )
