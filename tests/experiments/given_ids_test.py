"""A run on IDs of one's own says at once that the table is missing."""

import numpy as np
import pytest

from configs import given_ids as config
from experiments import given_ids
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
