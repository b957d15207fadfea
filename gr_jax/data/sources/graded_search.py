"""Product search that people graded, as a catalogue and requests.

A folder holds

  items.parquet       item_id, title
  judgments.parquet   query, item_id, relevance from 1 (wrong) to 3 (right),
                      split ("train", "valid" or "test", by query)

A query is one request of a user of its own, without history, as in
`beir`. Items graded `RELEVANT` or better are clicked; the others of its
pool were only shown. The gain of an item is how far its grade is above
the lowest, so that wrong items are worth nothing.
"""

from pathlib import Path

import polars as pl

from gr_jax.data.sources import beir
from gr_jax.data.sources.beir import IrDataset
from gr_jax.data.sources.beir_tables import IrTables, read_columns

RELEVANT = 2.5
LOWEST = 1.0


def load(directory: Path) -> IrDataset:
  """Reads the judged shop in a folder; its `grades` are gains.

  Raises:
    FileNotFoundError: a file is missing.
    ValueError: a column is missing, a grade is below `LOWEST`, or as in
      `beir.from_tables`.
  """
  directory = Path(directory)
  items = read_columns(directory / "items.parquet", ("item_id", "title"))
  path = directory / "judgments.parquet"
  judged = read_columns(path, ("query", "item_id", "relevance", "split"))
  least = judged.select(pl.min("relevance")).item()
  if least is not None and least < LOWEST:
    raise ValueError(
      f"{path} has a relevance of {least}; the lowest is {LOWEST:g}."
    )
  queries = judged["query"].unique(maintain_order=True).cast(pl.String)
  return beir.from_tables(
    IrTables(
      items.select(
        doc_id=pl.col("item_id").cast(pl.String),
        title=pl.col("title").cast(pl.String),
        text=pl.lit(None, pl.String),
      ),
      pl.DataFrame({"query_id": queries, "text": queries}),
      judged.select(
        query_id=pl.col("query").cast(pl.String),
        doc_id=pl.col("item_id").cast(pl.String),
        relevance=pl.col("relevance").cast(pl.Float32) - LOWEST,
        split=pl.col("split"),
      ),
    ),
    least=RELEVANT - LOWEST,
  )
