"""Queries that people type, and the tool that measures answers to them."""

import fnmatch
import json

import polars as pl
import pytest

from gr_jax.data.sources.complete_journey import tables
from gr_jax.data.sources.complete_journey.words import (
  natural_words,
  whole_phrase,
)
from gr_jax.evaluation.typed_queries import read_typed_queries
from tests.reference import trained_run
from tests.reference.small_world import shop
from tools import typed_queries

SYSTEMS = ["model", "bm25", "bm25_read", "nearest", "nearest_read"]


def test_the_two_hundred_are_of_types_that_the_purchases_have():
  typed = read_typed_queries(typed_queries.QUERIES)
  assert len(set(typed.queries)) == len(typed) == 200
  columns = ("department", "product_category", "product_type")
  table = pl.read_parquet(tables._table(tables._installed(), "products"))
  paths = {
    " > ".join(" ".join(natural_words(whole_phrase(name))) for name in row)
    for row in table.select(columns).unique().rows()
  }
  for query, patterns in zip(typed.queries, typed.right):
    assert patterns[0] in paths, query
    for pattern in patterns[1:]:
      assert fnmatch.filter(paths, pattern), (query, pattern)


@pytest.mark.slow
def test_the_two_hundred_are_those_that_were_drawn():
  from tests.reference.drawn_types import drawn_types

  catalogue, _ = tables.load(tables.CompleteJourneyConfig())
  typed = read_typed_queries(typed_queries.QUERIES)
  assert drawn_types(catalogue) == [right[0] for right in typed.right]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  directory = tmp_path_factory.mktemp("run")
  trained_run.make(directory)
  return directory


def test_the_model_stands_beside_bm25_and_the_nearest_texts(
  run, tmp_path, capsys
):
  catalogue = shop().catalogue
  path = catalogue.category_names[-1][0]
  queries, output = tmp_path / "queries.csv", tmp_path / "figures.json"
  queries.write_text(f"query,right\n{catalogue.texts[0]},{path}\nzzz,*\n")
  flags = [f"--workdir={run}", f"--queries={queries}", f"--output={output}"]
  assert typed_queries.main(flags) == 0
  found = json.loads(output.read_text())
  systems = SYSTEMS
  assert [row["system"] for row in found["figures"]] == systems
  assert list(found["missed"]) == systems
  for row in found["figures"]:
    # Everything is right for the second query.
    assert row["found"]["value"] >= 0.5
    assert row["right"]["value"] >= 5
  assert "2 queries, the first 10 items" in capsys.readouterr().out


def test_answers_to_one_query_are_shown(run, capsys):
  assert typed_queries.main([f"--workdir={run}", "--show=cup", "--k=2"]) == 0
  lines = capsys.readouterr().out.splitlines()
  heads = [line for line in lines if not line.startswith(" ")]
  assert heads == [f"'cup', {system}:" for system in SYSTEMS]
  assert len(lines) == 3 * len(SYSTEMS)


def test_a_missing_run_is_one_line(capsys):
  assert typed_queries.main(["--workdir=/nowhere"]) == 1
  assert capsys.readouterr().err.count("\n") == 1
