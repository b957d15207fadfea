"""Measures how a finished run answers queries as people type them.

  python tools/typed_queries.py --workdir=runs/cq_sid-default

prints, for the model, BM25 and the nearest vectors of texts, the share of
queries with a right item among ten and the mean number of right items; then
the queries without any. "read" rankers get the query in the words that the run
knows (`gr_jax.text.known_words`), as the model does. `--queries` names another
file of them (`gr_jax.evaluation.typed_queries`), `--show="whole milk"` prints
the answers to one query instead.
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Callable, Sequence

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from gr_jax import command_line
from gr_jax.evaluation import intervals
from gr_jax.evaluation.baselines import bm25, nearest
from gr_jax.evaluation.typed_queries import (
  answered,
  read_typed_queries,
  right_items,
)
from gr_jax.retrieval.item_search import ItemSearch, load
from gr_jax.text.encoder import WordLlamaEncoder

ROOT = pathlib.Path(__file__).parents[1]
QUERIES = ROOT / "tests/reference/typed_queries.csv"

# From queries to rows `[Q, k]`, -1 = none.
Rank = Callable[[Sequence[str]], np.ndarray]


def rankers(search: ItemSearch, *, k: int) -> dict[str, Rank]:
  """The model, and what it stands beside: all read the query alone."""
  artefacts = search.artefacts
  catalogue = artefacts.catalogue
  rows = {item_id: row for row, item_id in enumerate(catalogue.item_ids)}

  def model(queries: Sequence[str]) -> np.ndarray:
    found = np.full((len(queries), k), -1, np.int64)
    for row, query in zip(found, queries):
      items = [rows[item.item_id] for item in search.search(query, k=k)]
      row[: len(items)] = items
    return found

  words = bm25.fit(catalogue.texts, catalogue.popularity)
  encoder = WordLlamaEncoder()
  texts = encoder.encode(catalogue.texts.tolist())
  near = nearest.fit(texts, catalogue.popularity)
  known = artefacts.vocabulary.known_words

  def by_words(queries: Sequence[str]) -> np.ndarray:
    return bm25.rank(words, queries, k=k)

  def by_vectors(queries: Sequence[str]) -> np.ndarray:
    return nearest.rank(near, encoder.encode(queries), k=k)

  def read(rank: Rank) -> Rank:
    return lambda queries: rank([known.rewritten(query) for query in queries])

  return {
    "model": model,
    "bm25": by_words,
    "bm25_read": read(by_words),
    "nearest": by_vectors,
    "nearest_read": read(by_vectors),
  }


def measure(search: ItemSearch, path: pathlib.Path, *, k: int) -> dict:
  """Rows of figures by ranker, and what each of them finds nothing for."""
  typed = read_typed_queries(path)
  right = right_items(typed, search.artefacts.catalogue)
  figures, missed = [], {}
  for name, rank in rankers(search, k=k).items():
    got = answered(list(rank(typed.queries)), right)
    values = np.stack((got.found, got.number), axis=1).astype(float)
    share, number = (intervals.bootstrap(values).row(m) for m in (0, 1))
    figures.append({"system": name, "found": share, "right": number})
    missed[name] = [
      q for q, found in zip(typed.queries, got.found) if not found
    ]
  return {"k": k, "queries": len(typed), "figures": figures, "missed": missed}


def show(search: ItemSearch, query: str, *, k: int) -> list[str]:
  """The lines that print the answers of every ranker to one query."""
  lines = []
  for name, rank in rankers(search, k=k).items():
    lines.append(f"{query!r}, {name}:")
    (items,) = rank([query])
    texts = search.artefacts.catalogue.texts
    lines += [f"  {texts[row]}" for row in items.tolist() if row >= 0]
  return lines


def _lines(found: dict) -> list[str]:
  lines = [f"{found['queries']} queries, the first {found['k']} items"]
  for row in found["figures"]:
    share, number = row["found"], row["right"]
    lines.append(
      f"{row['system']:<12} found {share['value']:.3f} "
      f"[{share['low']:.3f}, {share['high']:.3f}]  right "
      f"{number['value']:.2f} [{number['low']:.2f}, {number['high']:.2f}]"
    )
  missed = found["missed"]
  lines += [f"{name} misses: {', '.join(missed[name])}" for name in missed]
  return lines


def _work(options: argparse.Namespace) -> None:
  search = load(options.workdir)
  if options.show:
    for query in options.show:
      print(*show(search, query, k=options.k), sep="\n")
    return
  found = measure(search, options.queries, k=options.k)
  print(*_lines(found), sep="\n")
  if options.output:
    options.output.write_text(json.dumps(found, indent=2) + "\n")


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser("python tools/typed_queries.py", __doc__)
  add = parser.add_argument
  add("--workdir", type=pathlib.Path, required=True, help="a finished run")
  add("--queries", type=pathlib.Path, default=QUERIES, help="CSV of queries")
  add("--k", type=int, default=10, help="items of an answer [10]")
  add("--output", type=pathlib.Path, help="JSON file of the figures")
  add("--show", action="append", help="print the answers to this query")
  return parser


def main(arguments: list[str] | None = None) -> int:
  return command_line.run(_parser(), _work, arguments)


if __name__ == "__main__":
  sys.exit(main())
