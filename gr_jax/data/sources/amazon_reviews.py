"""The 5-core leave-one-out protocol of the semantic-ID papers.

Reads a folder with `items.parquet` (item_id, title, attributes: a list of str)
and `interactions.parquet` (user_id, item_id, position in time order). The split
is that of `leave_one_out`. Positions stand for time, which is unknown.
"""

from pathlib import Path

import numpy as np
import polars as pl

from gr_jax.data.catalogue import Catalogue, category_columns, object_array
from gr_jax.data.requests import Requests
from gr_jax.data.row_lists import offsets_of
from gr_jax.data.sources.leave_one_out import leave_one_out
from gr_jax.data.training_period import event_counts


def load(
  directory: Path, *, valid_trains: bool = False
) -> tuple[Catalogue, Requests]:
  """Reads catalogue and leave-one-out requests from two tables.

  Args:
    directory: The folder of the tables.
    valid_trains: True to train on the valid targets; none are left.

  Raises:
    FileNotFoundError: a table is missing.
    ValueError: an interaction names an item that is not in the catalogue.
  """
  directory = Path(directory)
  items = pl.read_parquet(_table(directory, "items"))
  interactions = pl.read_parquet(_table(directory, "interactions")).sort(
    "user_id", "position", maintain_order=True
  )
  item = _item_rows(items, interactions)
  user = interactions["user_id"].rle_id().to_numpy()
  offsets = offsets_of(np.bincount(user))
  requests = leave_one_out(
    interactions["user_id"].unique(maintain_order=True).to_list(),
    offsets,
    item,
    np.arange(len(item)) - offsets[user],
    valid_trains=valid_trains,
    shared_clock=False,
  )
  popularity = event_counts(requests, num_items=items.height)
  return _catalogue(items, popularity), requests


def category_paths(attributes: list[list[str]]) -> list[list[str]]:
  """Takes the leading brand off lists of attributes.

  A list is [brand,] category path, and nothing marks the brand. [OURS]: a
  *root* is a name that leads some list and is second in another, as only the
  top categories do ("Skin Care"; a brand is never second). A list whose second
  name is a root begins with a brand; so does one whose first name is never
  found at another place, "Sigma Beauty", for a category is listed after a brand
  somewhere. On the Beauty set 6 names are roots.
  """
  leading = {names[0] for names in attributes if names}
  second = {names[1] for names in attributes if len(names) > 1}
  inner = {name for names in attributes for name in names[1:]}
  roots = leading & second

  def begins_with_brand(names: list[str]) -> bool:
    if not names or names[0] in roots:
      return False
    return not roots.isdisjoint(names[1:2]) or names[0] not in inner

  return [
    names[1:] if begins_with_brand(names) else names for names in attributes
  ]


def _table(directory: Path, name: str) -> Path:
  path = directory / f"{name}.parquet"
  if not path.is_file():
    raise FileNotFoundError(
      f"{path} is missing; the folder must hold items.parquet and "
      "interactions.parquet."
    )
  return path


def _item_rows(items: pl.DataFrame, interactions: pl.DataFrame) -> np.ndarray:
  rows = interactions.join(
    items.select("item_id").with_row_index("row"),
    on="item_id",
    how="left",
    maintain_order="left",
  )["row"]
  if rows.null_count():
    row = int(rows.is_null().arg_true()[0])
    raise ValueError(
      f"{rows.null_count()} interactions name items that items.parquet lacks, "
      f"the first {interactions['item_id'][row]!r}; add or drop them."
    )
  return rows.to_numpy().astype(np.int64)


def _catalogue(items: pl.DataFrame, popularity: np.ndarray) -> Catalogue:
  attributes = items["attributes"].to_list()
  texts = [
    ", ".join([title or "", *names]).strip(", ")
    for title, names in zip(items["title"].to_list(), attributes)
  ]
  categories, names = category_columns(category_paths(attributes))
  return Catalogue(
    item_ids=object_array(items["item_id"].to_list()),
    texts=object_array(texts),
    categories=categories,
    category_names=names,
    values=np.zeros(items.height, np.float32),
    popularity=popularity,
  )
