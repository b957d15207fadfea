"""A collection of documents with judged queries, as a catalogue and requests.

`beir_tables` says which files a folder holds (`graded_search` knows others).
Documents are the items. A judged query is one request, of a user of its own who
has no history: figures then have their intervals over queries. Documents judged
relevant are clicked on its page; those judged and found wanting were only
shown. Splits are the published ones; where none of them is for choosing
settings, a share of the training queries can be.

Only training queries have events (the documents they led to), so popularity,
item-item counts and every baseline depend on nothing else.

A document with the id of a query is the query itself (in ArguAna and Quora):
it is taken out of the answers to it, as BEIR's evaluation does with
`ignore_identical_ids`, and out of its judgments.
"""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.data.requests import (
  CLICKED,
  EXPOSED,
  TEST,
  TRAIN,
  VALID,
  Requests,
)
from gr_jax.data.row_lists import offsets_of
from gr_jax.data.sources.beir_tables import IrTables, read_tables
from gr_jax.data.training_period import event_counts

SPLITS = {"train": TRAIN, "valid": VALID, "test": TEST}


class IrDataset(NamedTuple):
  """A judged collection.

  Attributes:
    catalogue: The documents; a text is title and text.
    requests: A request for each judged query, training first.
    grades: The relevance `[P]` float32 of every entry of the pages.
  """

  catalogue: Catalogue
  requests: Requests
  grades: np.ndarray


def load(
  directory: Path, *, valid_share: float = 0.0, seed: int = 0
) -> IrDataset:
  """Reads the collection in a folder.

  Args:
    directory: A folder in a layout that `beir_tables` reads.
    valid_share: The share of validation queries, see `from_tables`.
    seed: The seed of their choice.

  Raises:
    FileNotFoundError: a file is missing.
    ValueError: a column is missing; and see `from_tables`.
  """
  tables = read_tables(Path(directory))
  judgments = tables.judgments.filter(pl.col("query_id") != pl.col("doc_id"))
  loaded = from_tables(
    tables._replace(judgments=judgments), valid_share=valid_share, seed=seed
  )
  return loaded._replace(
    requests=_with_own_items(loaded.catalogue, loaded.requests)
  )


def _with_own_items(catalogue: Catalogue, requests: Requests) -> Requests:
  """Names the document that has the id of the query, of each request."""
  row_of = {name: row for row, name in enumerate(catalogue.item_ids.tolist())}
  names = requests.user_ids[requests.user].tolist()
  own = np.array([row_of.get(name, -1) for name in names], np.int32)
  return dataclasses.replace(requests, own_item=own)


def from_tables(
  tables: IrTables,
  *,
  least: float = 0.0,
  valid_share: float = 0.0,
  seed: int = 0,
) -> IrDataset:
  """Turns the tables of a collection into catalogue and requests.

  Args:
    tables: The documents, queries and judgments.
    least: The least relevance of a clicked document; 0 itself never is.
    valid_share: The share of the training queries that become "valid", to
      choose settings with; 0 for the published splits.
    seed: The seed of their choice.

  Raises:
    ValueError: a judgment names a query or document that is not there, a query
      is judged in two splits, or `valid_share` is not below 1.
  """
  _check_names(tables)
  judged = _judged(_with_validation(tables, valid_share, seed))
  grades = judged["relevance"].to_numpy().astype(np.float32)
  relevant = (grades >= np.float32(least)) & (grades > 0)
  requests = _requests(tables.queries, judged, relevant)
  popularity = event_counts(requests, num_items=tables.documents.height)
  return IrDataset(_catalogue(tables.documents, popularity), requests, grades)


def _with_validation(tables: IrTables, share: float, seed: int) -> IrTables:
  if not 0 <= share < 1:
    raise ValueError(f"valid_share is {share}; make it 0 or more and below 1.")
  if not share:
    return tables
  trained = tables.judgments.filter(pl.col("split") == "train")
  names = trained["query_id"].unique(maintain_order=True)
  drawn = names.sample(fraction=share, seed=seed)
  moved = (pl.col("split") == "train") & pl.col("query_id").is_in(
    drawn.implode()
  )
  return tables._replace(
    judgments=tables.judgments.with_columns(
      split=pl.when(moved).then(pl.lit("valid")).otherwise("split")
    )
  )


def _check_names(tables: IrTables) -> None:
  judgments = tables.judgments
  for name, table in (
    ("query_id", tables.queries),
    ("doc_id", tables.documents),
  ):
    unknown = judgments.join(table, on=name, how="anti")
    if unknown.height:
      raise ValueError(
        f"{unknown.height} judgments name a {name} that is not there, the "
        f"first {unknown[name][0]!r}; add or drop them."
      )
  splits = judgments.select("query_id", "split").unique()
  twice = splits.filter(pl.col("query_id").is_duplicated())
  if twice.height:
    raise ValueError(
      f"query {twice['query_id'][0]!r} is judged in more than one split; test "
      "queries must not be trained on."
    )
  other = set(splits["split"].to_list()) - set(SPLITS)
  if other:
    raise ValueError(
      f"splits {sorted(map(str, other))} are not among {', '.join(SPLITS)}."
    )


def _judged(tables: IrTables) -> pl.DataFrame:
  """Adds the rows of document and query to judgments, in page order.

  Training first, queries in the order of their table, best judged first.
  """
  documents = tables.documents.select("doc_id").with_row_index("item")
  queries = tables.queries.select("query_id").with_row_index("query")
  return (
    tables.judgments.unique(["query_id", "doc_id"], maintain_order=True)
    .join(documents, on="doc_id")
    .join(queries, on="query_id")
    .with_columns(
      part=pl.col("split").replace_strict(SPLITS, return_dtype=pl.Int8)
    )
    .sort(["part", "query", "relevance", "item"],
          descending=[False, False, True, False])
  )  # fmt: skip


def _requests(
  queries: pl.DataFrame, judged: pl.DataFrame, relevant: np.ndarray
) -> Requests:
  learned = relevant & (judged["part"].to_numpy() == TRAIN)
  pages = (
    judged.with_columns(learned=learned)
    .group_by("query", maintain_order=True)
    .agg(pl.col("part").first(), n=pl.len(), events=pl.col("learned").sum())
  )
  count, queried = pages.height, queries[pages["query"]]
  offsets = offsets_of(pages["events"].to_numpy())
  item = judged["item"].to_numpy().astype(np.int32)
  # An event comes after its request: nobody has a history.
  return Requests(
    user_ids=object_array(queried["query_id"].to_list()),
    profiles=object_array([()] * count),
    user_offsets=offsets,
    event_item=item[learned],
    event_time=np.zeros(offsets[-1], np.int64),
    user=np.arange(count, dtype=np.int32),
    time=np.zeros(count, np.int64),
    history_end=offsets[:-1].copy(),
    query=np.arange(count, dtype=np.int32),
    split=pages["part"].to_numpy(writable=True),
    page_offsets=offsets_of(pages["n"].to_numpy()),
    page_item=item,
    page_kind=np.where(relevant, CLICKED, EXPOSED).astype(np.int8),
    page_value=np.zeros(len(item), np.float32),
    queries=object_array(queried["text"].fill_null("").to_list()),
    shared_clock=False,
  )


def _catalogue(documents: pl.DataFrame, popularity: np.ndarray) -> Catalogue:
  texts = documents.select(
    pl.concat_str(
      pl.col("title").replace("", None), "text", separator=". ",
      ignore_nulls=True,
    )
  ).to_series()  # fmt: skip
  count = documents.height
  return Catalogue(
    item_ids=object_array(documents["doc_id"].to_list()),
    texts=object_array(texts.to_list()),
    categories=np.empty((count, 0), np.int32),
    category_names=(),
    values=np.zeros(count, np.float32),
    popularity=popularity,
  )
