"""Both layouts of a collection give the same tables."""

import json

import polars as pl
import pytest

from gr_jax.data.sources.beir_tables import read_tables
from tests.reference.small_collection import write_beir, write_parquet


def test_both_layouts_say_the_same(tmp_path):
  beir, parquet = tmp_path / "beir", tmp_path / "parquet"
  write_beir(beir)
  write_parquet(parquet)
  a, b = read_tables(beir), read_tables(parquet)
  for one, other in zip(a, b):
    assert one.schema == other.schema
    assert one.sort(one.columns[:2]).equals(other.sort(one.columns[:2]))


def test_without_grades_every_judgment_is_one(tmp_path):
  write_parquet(tmp_path)
  path = tmp_path / "qrels.parquet"
  pl.read_parquet(path).drop("relevance").write_parquet(path)
  assert read_tables(tmp_path).judgments["relevance"].unique().to_list() == [1]


def test_titles_may_be_missing(tmp_path):
  write_beir(tmp_path)
  line = json.dumps({"_id": "d9", "text": "only text", "metadata": {"x": 1}})
  (tmp_path / "corpus.jsonl").write_text(line + "\n", encoding="utf-8")
  documents = read_tables(tmp_path).documents
  assert documents.row(0) == ("d9", None, "only text")


@pytest.mark.parametrize("name", ["queries.jsonl", "corpus.jsonl"])
def test_a_missing_file_is_named(tmp_path, name):
  write_beir(tmp_path)
  (tmp_path / name).unlink()
  with pytest.raises(FileNotFoundError, match=name):
    read_tables(tmp_path)


def test_a_folder_without_judgments_is_refused(tmp_path):
  write_beir(tmp_path)
  for path in (tmp_path / "qrels").iterdir():
    path.unlink()
  with pytest.raises(FileNotFoundError, match=r"train\.tsv, dev\.tsv"):
    read_tables(tmp_path)


def test_a_missing_column_is_named(tmp_path):
  write_parquet(tmp_path)
  path = tmp_path / "queries.parquet"
  pl.read_parquet(path).drop("split").write_parquet(path)
  with pytest.raises(ValueError, match=r"queries\.parquet lacks split"):
    read_tables(tmp_path)
