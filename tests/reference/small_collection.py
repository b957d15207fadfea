"""Four documents and their judged queries in both layouts; graded products."""

import json

import polars as pl

DOCUMENTS = [
  ("d1", "Oats", "oat milk is made of oats"),
  ("d2", "", "whole milk"),
  ("d3", "Bread", 'dark "rye" bread'),
  ("d4", "Tea", "green tea"),
]
QUERIES = [
  ("q3", "rye", "test"),
  ("q1", "oat drink", "train"),
  ("q2", "milk", "train"),
  ("q4", "tea", "valid"),
]
JUDGMENTS = [
  ("q1", "d1", 2),
  ("q2", "d1", 1),
  ("q2", "d2", 2),
  ("q2", "d4", 0),
  ("q3", "d3", 1),
  ("q4", "d4", 1),
]


def write_beir(directory):
  (directory / "qrels").mkdir(parents=True)
  rows = [{"_id": d, "title": t, "text": x} for d, t, x in DOCUMENTS]
  _lines(directory / "corpus.jsonl", rows)
  # A query that nobody judged asks nothing.
  rows = [{"_id": q, "text": x} for q, x, _ in [*QUERIES, ("q9", "cake", "")]]
  _lines(directory / "queries.jsonl", rows)
  split = {q: s for q, _, s in QUERIES}
  for name in ("train", "valid", "test"):
    lines = ["query-id\tcorpus-id\tscore"]
    lines += [f"{q}\t{d}\t{g}" for q, d, g in JUDGMENTS if split[q] == name]
    file = {"valid": "dev"}.get(name, name)
    (directory / "qrels" / f"{file}.tsv").write_text("\n".join(lines) + "\n")


def write_parquet(directory):
  directory.mkdir(exist_ok=True)
  tables = {
    "docs": (DOCUMENTS, ["doc_id", "title", "text"]),
    "queries": ([*QUERIES, ("q9", "cake", "test")], ["query_id", "text",
                "split"]),
    "qrels": (JUDGMENTS, ["query_id", "doc_id", "relevance"]),
  }  # fmt: skip
  for name, (rows, columns) in tables.items():
    table = pl.DataFrame(rows, schema=columns, orient="row")
    table.write_parquet(directory / f"{name}.parquet")


PRODUCTS = [("100", "steel bracket"), ("101", "oak deck"), ("102", "deck oil")]
GRADED = [
  ("bracket", "100", 3.0, "train"),
  ("bracket", "101", 1.0, "train"),
  ("deck", "101", 2.5, "test"),
  ("deck", "102", 2.33, "test"),
  ("hammer", "100", 1.33, "valid"),
]


def write_graded(directory):
  directory.mkdir(exist_ok=True)
  for name, rows, columns in (
    ("items", PRODUCTS, ["item_id", "title"]),
    ("judgments", GRADED, ["query", "item_id", "relevance", "split"]),
  ):
    table = pl.DataFrame(rows, schema=columns, orient="row")
    table.write_parquet(directory / f"{name}.parquet")


def _lines(path, rows):
  path.write_text("".join(json.dumps(row) + "\n" for row in rows))
