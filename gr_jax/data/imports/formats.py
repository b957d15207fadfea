"""Public formats: the files of a folder, their headers, columns and types."""

import dataclasses
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

from gr_jax.data.imports import reshape
from gr_jax.data.imports.source import Reshape, Source

_NOTHING = Source(())
# How names of packed files go on.
_PACKED = ("", ".gz", ".bz2", ".xz", ".zip")


@dataclasses.dataclass(frozen=True)
class FileSet:
  """The files of one table as one edition of a data set has them.

  Attributes:
    names: The patterns of their names; all must be there.
    header: The names of the first columns, where the files have no header.
    delimiter: What stands between fields, "" where it can be found.
    encoding: The encoding, "" where it can be guessed.
    keys: The columns that join them.
    reshape: The change of their rows, or None.
  """

  names: tuple[str, ...]
  header: tuple[str, ...] = ()
  delimiter: str = ""
  encoding: str = ""
  keys: tuple[str, ...] = ()
  reshape: Reshape | None = None


@dataclasses.dataclass(frozen=True)
class Format:
  """A public format.

  Attributes:
    items: The editions of the table of items; the first that is there is read.
    events: The same of the events.
    columns: For each of our names, with "items." or "events." where only one
      has it, the columns it may be, with "|" between; "a+b" are joined.
    event_types: The event types whose names do not say what they are.
    time_format: The form of the times where they do not say it.
  """

  items: tuple[FileSet, ...]
  events: tuple[FileSet, ...]
  columns: Mapping[str, str]
  event_types: Mapping[str, str] = dataclasses.field(default_factory=dict)
  time_format: str = ""


_RATINGS = ("user_id", "item_id", "rating", "time")

FORMATS: Mapping[str, Format] = {
  # grouplens.org: 100k, 1m and 10m, and those with a header.
  "movielens": Format(
    items=(
      FileSet(("u.item",), ("item_id", "text"), "|", "latin-1"),
      FileSet(("movies.dat",), ("item_id", "text", "category"), "::"),
      FileSet(("movies.csv",)),
    ),
    events=(
      FileSet(("u.data",), _RATINGS, "\t"),
      FileSet(("ratings.dat",), _RATINGS, "::"),
      FileSet(("ratings.csv",)),
    ),
    columns={
      "item_id": "movieId",
      "text": "title",
      "category": "genres",
      "user_id": "userId",
      "time": "timestamp",
    },
  ),
  # Amazon reviews of 2014, 2018 and 2023.
  "amazon": Format(
    items=(FileSet(("meta_*.json*",)),),
    events=(
      FileSet(("reviews_*.json*",)),
      FileSet(("[A-Z]*.json*",)),
      FileSet(("ratings_*.csv",), _RATINGS, ","),
      FileSet(("[A-Z]*.csv",), ("item_id", "user_id", "rating", "time"), ","),
    ),
    columns={
      "item_id": "parent_asin|asin",
      "text": "title",
      "category": "categories|category",
      "items.value": "price",
      "user_id": "user_id|reviewerID",
      "time": "unixReviewTime|timestamp",
    },
  ),
  "retailrocket": Format(
    items=(
      FileSet(
        ("item_properties_part*.csv",),
        reshape=reshape.RETAILROCKET_PROPERTIES,
      ),
    ),
    events=(FileSet(("events.csv",)),),
    columns={
      "item_id": "itemid",
      "items.value": "price",
      "user_id": "visitorid",
      "time": "timestamp",
      # The lines of one purchase.
      "session": "transactionid",
    },
    event_types={
      "view": "click",
      "addtocart": "click",
      "transaction": "order",
    },
  ),
  "instacart": Format(
    items=(
      FileSet(
        ("products.csv", "aisles.csv", "departments.csv"),
        keys=("aisle_id", "department_id"),
      ),
    ),
    events=(
      FileSet(("order_products__*.csv", "orders.csv"), keys=("order_id",)),
    ),
    columns={
      "item_id": "product_id",
      "text": "product_name",
      "category": "department+aisle",
      "order": "order_number",
    },
  ),
  "hm": Format(
    items=(FileSet(("articles.csv",)),),
    events=(FileSet(("transactions_train.csv",)),),
    columns={
      "item_id": "article_id",
      "text": "prod_name+product_type_name+colour_group_name+detail_desc|"
      "prod_name",
      "category": "index_group_name+index_name+product_type_name|"
      "product_type_name",
      "user_id": "customer_id",
      "time": "t_dat",
      "events.value": "price",
    },
  ),
  "mind": Format(
    items=(
      FileSet(
        ("news.tsv",),
        ("item_id", "topic", "subtopic", "title", "abstract"),
        "\t",
      ),
    ),
    events=(
      FileSet(
        ("behaviors.tsv",),
        ("session", "user_id", "time", "history", "shown"),
        "\t",
        reshape=reshape.MIND_IMPRESSIONS,
      ),
    ),
    columns={"text": "title", "category": "topic+subtopic"},
    time_format="mdy",
  ),
  # Atomic files: names of columns have a type.
  "recbole": Format(
    items=(FileSet(("*.item",), delimiter="\t"),),
    events=(FileSet(("*.inter",), delimiter="\t"),),
    columns={
      "item_id": "item_id:token",
      "text": "title:token_seq|movie_title:token_seq|name:token_seq|"
      "item_name:token_seq|title:token|name:token|product_name:token_seq",
      "category": "categories:token_seq|category:token|class:token_seq|"
      "genre:token_seq|category:token_seq|genres:token_seq",
      "items.value": "price:float",
      "user_id": "user_id:token",
      "time": "timestamp:float",
      "session": "session_id:token",
    },
  ),
  # BigQuery's export of Google Analytics.
  "ga4": Format(
    items=(FileSet(("events*",), reshape=reshape.GA4_ITEMS),),
    events=(FileSet(("events*",), reshape=reshape.GA4_LINES),),
    columns={
      "text": "item_name",
      "category": "category|item_category",
      "items.value": "price",
      "user_id": "user_pseudo_id",
      "time": "event_timestamp",
      "event": "event_name",
      "events.value": "price",
    },
  ),
}
"""The formats by name."""


def format_sources(
  name: str,
  folder: Path | None,
  *,
  items: Source = _NOTHING,
  events: Source = _NOTHING,
) -> tuple[Source, Source]:
  """Returns the sources of a format, those given before those of its folder.

  Args:
    name: One of `FORMATS`.
    folder: Where its files are; None where both sources are given.
    items: What is known of the items: without paths they are found in the
      folder; what else it says comes before what the format does.
    events: The same of the events.

  Raises:
    ValueError: the format is not known, or its files are not in the folder.
  """
  if name not in FORMATS:
    raise ValueError(f"--format={name} is none of {', '.join(FORMATS)}.")
  form = FORMATS[name]
  return (
    _source(name, form, "items", folder, items),
    _source(name, form, "events", folder, events),
  )


def _source(
  name: str, form: Format, kind: str, folder: Path | None, given: Source
) -> Source:
  editions: tuple[FileSet, ...] = getattr(form, kind)
  paths = given.paths
  if not paths:
    if folder is None:
      raise ValueError(f"--format={name} needs --input=FOLDER or --{kind}.")
    paths = tuple(sorted(folder.iterdir())) if folder.is_dir() else ()
  found = _edition(editions, paths)
  if not given.paths:
    if not found:
      known = " or ".join(" + ".join(edition.names) for edition in editions)
      raise ValueError(
        f"{folder} has no {kind} of --format={name}: {known} (each may be "
        f"packed). Name the files: --{kind}=..."
      )
    paths = _matching(found.names, paths)
  found = found or FileSet(())
  return dataclasses.replace(
    given,
    paths=paths,
    header=given.header or found.header,
    delimiter=given.delimiter or found.delimiter,
    encoding=given.encoding or found.encoding,
    keys=given.keys or found.keys,
    columns=_columns(form.columns, kind) | dict(given.columns),
    reshape=given.reshape or found.reshape,
  )


def _edition(
  editions: tuple[FileSet, ...], paths: Iterable[Path]
) -> FileSet | None:
  """The first edition of which every file is there."""
  paths = tuple(paths)
  for edition in editions:
    if all(_matching((name,), paths) for name in edition.names):
      return edition
  return None


def _matching(names: Iterable[str], paths: Iterable[Path]) -> tuple[Path, ...]:
  """The files that have one of the names, packed or not, in their order."""
  paths = tuple(paths)
  return tuple(
    path
    for name in names
    for path in paths
    if any(fnmatch(path.name, name + ending) for ending in _PACKED)
  )


def _columns(columns: Mapping[str, str], kind: str) -> dict[str, str]:
  """The columns of one table."""
  found = {}
  for ours, theirs in columns.items():
    table, _, name = ours.rpartition(".")
    if table in ("", kind):
      found[name] = theirs
  return found
