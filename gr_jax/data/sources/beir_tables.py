"""Documents, queries and judgments of a retrieval collection, as tables.

Two layouts are read. That of BEIR, in which MS MARCO and Natural Questions are
also given:

  corpus.jsonl    _id, title (may be missing), text
  queries.jsonl   _id, text
  qrels/train.tsv, dev.tsv, test.tsv   query-id, corpus-id, score; a header

and the same as Parquet files:

  docs.parquet     doc_id, title, text
  queries.parquet  query_id, text, split
  qrels.parquet    query_id, doc_id, and relevance where it is not always 1
"""

from pathlib import Path
from typing import NamedTuple

import polars as pl

_PARQUET = {
  "docs": ("doc_id", "title", "text"),
  "queries": ("query_id", "text", "split"),
  "qrels": ("query_id", "doc_id"),
}
_QRELS = {"train": "train", "dev": "valid", "test": "test"}


class IrTables(NamedTuple):
  """The tables of a collection.

  Attributes:
    documents: Columns doc_id, title (null where there is none), text.
    queries: Columns query_id, text.
    judgments: Columns query_id, doc_id, relevance (0 = judged and found
      wanting), split ("train", "valid" or "test").
  """

  documents: pl.DataFrame
  queries: pl.DataFrame
  judgments: pl.DataFrame


def read_tables(directory: Path) -> IrTables:
  """Reads the tables of a folder in either layout.

  Raises:
    FileNotFoundError: a file is missing.
    ValueError: a column is missing.
  """
  directory = Path(directory)
  if (directory / "docs.parquet").is_file():
    return _parquet(directory)
  if (directory / "corpus.jsonl").is_file():
    return _beir(directory)
  raise FileNotFoundError(
    f"{directory} holds no collection: it needs corpus.jsonl, queries.jsonl "
    "and qrels/*.tsv, or docs.parquet, queries.parquet and qrels.parquet."
  )


def _beir(directory: Path) -> IrTables:
  documents = _json_lines(directory / "corpus.jsonl", ("_id", "title", "text"))
  queries = _json_lines(directory / "queries.jsonl", ("_id", "text"))
  judgments = [
    _qrels(path).with_columns(split=pl.lit(split))
    for name, split in _QRELS.items()
    if (path := directory / "qrels" / f"{name}.tsv").is_file()
  ]
  if not judgments:
    raise FileNotFoundError(
      f"{directory / 'qrels'} has none of "
      f"{', '.join(f'{name}.tsv' for name in _QRELS)}."
    )
  return IrTables(
    documents.rename({"_id": "doc_id"}),
    queries.rename({"_id": "query_id"}),
    pl.concat(judgments),
  )


def _json_lines(path: Path, names: tuple[str, ...]) -> pl.DataFrame:
  """Reads text columns from one JSON object a line; a missing one is null."""
  _check_file(path)
  return pl.read_ndjson(path, schema=dict.fromkeys(names, pl.String))


def _qrels(path: Path) -> pl.DataFrame:
  # Query and document numbers are names, and a quote in one is a character.
  table = pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None)
  _check_columns(path, table, ("query-id", "corpus-id", "score"))
  return table.select(
    query_id="query-id",
    doc_id="corpus-id",
    relevance=pl.col("score").cast(pl.Float32),
  )


def _parquet(directory: Path) -> IrTables:
  docs, queries, qrels = (
    read_columns(directory / f"{name}.parquet", columns)
    for name, columns in _PARQUET.items()
  )
  if "relevance" not in qrels.columns:
    qrels = qrels.with_columns(relevance=pl.lit(1.0))
  judgments = qrels.join(
    queries.select("query_id", "split"),
    on="query_id",
    how="left",
    maintain_order="left",
  )
  return IrTables(
    docs.select(pl.col("doc_id", "title", "text").cast(pl.String)),
    queries.select(pl.col("query_id", "text").cast(pl.String)),
    judgments.select(
      pl.col("query_id", "doc_id").cast(pl.String),
      pl.col("relevance").cast(pl.Float32),
      pl.col("split").replace("dev", "valid"),
    ),
  )


def read_columns(path: Path, needed: tuple[str, ...]) -> pl.DataFrame:
  """Reads a Parquet file and checks its columns.

  Raises:
    FileNotFoundError: it is missing.
    ValueError: it lacks a column of `needed`.
  """
  _check_file(path)
  table = pl.read_parquet(path)
  _check_columns(path, table, needed)
  return table


def _check_file(path: Path) -> None:
  if not path.is_file():
    raise FileNotFoundError(f"{path} is missing.")


def _check_columns(
  path: Path, table: pl.DataFrame, needed: tuple[str, ...]
) -> None:
  missing = [name for name in needed if name not in table.columns]
  if missing:
    raise ValueError(
      f"{path} lacks {', '.join(missing)}; it has {', '.join(table.columns)}."
    )
