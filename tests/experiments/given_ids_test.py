"""A run on IDs of one's own says at once that the table is missing."""

import pathlib

import numpy as np
import pytest

from configs import given_ids as config
from experiments import given_ids
from experiments.pipeline.tokenize import tokenize
from tests.reference import tiny_tokenizers
from tests.reference.small_world import shop


def test_a_missing_table_is_named_before_anything_is_made(tmp_path):
  section = config.get_config("tiny")
  with pytest.raises(ValueError, match=r"config\.tokenizer\.path=FILE"):
    given_ids.run(section, tmp_path / "run")
  section.tokenizer.path = "none.json"
  with pytest.raises(FileNotFoundError, match=r"none\.json, which is no file"):
    given_ids.run(section, tmp_path / "run")
  assert not (tmp_path / "run").exists()


def test_the_ids_of_a_run_are_those_of_the_table(tmp_path):
  ids = tiny_tokenizers.fit("given_ids", tmp_path).semantic_ids
  row = np.arange(len(shop().catalogue))
  wanted = np.stack([row // 15, row % 15 // 4, row % 4], axis=1)
  np.testing.assert_array_equal(ids.codes, wanted)
  assert ids.level_sizes == (4, 4, 4)


def test_another_table_makes_other_ids_and_another_spelling_none(tmp_path):
  table = pathlib.Path(tiny_tokenizers.section("given_ids").path)
  copy, run = tmp_path / "ids.json", tmp_path / "run"
  copy.write_text(table.read_text())
  data, vectors = tiny_tokenizers.data(run), tiny_tokenizers.vectors(run)

  def fingerprint(path):
    section = tiny_tokenizers.section("given_ids")
    section.path = str(path)
    found = tokenize(section, run, data, vectors, fit=given_ids.fit)
    return found.artefact.fingerprint

  first = fingerprint(copy)
  assert fingerprint(f"{tmp_path}/./ids.json") == first
  copy.write_text(table.read_text().replace("<c_3>", "<c_4>"))
  assert fingerprint(copy) != first
