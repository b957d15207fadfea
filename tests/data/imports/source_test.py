"""Files are named by paths, patterns and lists of both."""

import pathlib

import pytest

from gr_jax.data.imports.source import Source, as_source, parse_source


@pytest.fixture
def folder(tmp_path):
  for name in ("a1.csv", "a2.csv", "b.csv", "x,y.csv", "[z].csv"):
    (tmp_path / name).write_text("a\n1\n")
  return tmp_path


@pytest.mark.parametrize(
  ("text", "names"),
  [
    ("a1.csv", ["a1.csv"]),
    ("b.csv, a1.csv", ["b.csv", "a1.csv"]),
    ("a?.csv,b.csv", ["a1.csv", "a2.csv", "b.csv"]),
    ("a*.csv,a1.csv", ["a1.csv", "a2.csv"]),
    ("x,y.csv", ["x,y.csv"]),
    ("[z].csv", ["[z].csv"]),
  ],
)
def test_lists_and_patterns_name_files_in_their_order(
  folder, monkeypatch, text, names
):
  monkeypatch.chdir(folder)
  source = parse_source(text, flag="--items")
  assert [path.name for path in source.paths] == names


@pytest.mark.parametrize("text", ["no.csv", "no*.csv", "b.csv,no.csv"])
def test_a_part_without_a_file_is_named(folder, monkeypatch, text):
  monkeypatch.chdir(folder)
  with pytest.raises(FileNotFoundError, match="No file no"):
    parse_source(text, flag="--items")


def test_no_name_at_all_names_the_flag():
  with pytest.raises(ValueError, match="--items names no file"):
    parse_source(", ,", flag="--items")


def test_a_path_is_a_source_of_one_file_and_a_text_is_parsed(folder):
  assert len(as_source(f"{folder}/a*.csv").paths) == 2
  source = as_source(pathlib.Path("a/b.csv"))
  assert (source.name, str(source)) == ("b.csv", "a/b.csv")
  assert as_source(source) is source
  assert Source((*source.paths, *source.paths)).name == "b.csv + 1"
