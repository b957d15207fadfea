"""A ranker's network is that of its section and its data."""

import numpy as np

from configs.ultra_hstu import get_config
from gr_jax.nn.precision import dot_general
from gr_jax.ranking.build import build_ranker, tables_of


def test_tables_are_as_large_as_the_data():
  categories = np.array([[0, 4], [2, -1]])
  found = tables_of(categories, np.array([0, 3], np.int8))
  assert (found.items, found.actions, found.categories) == (2, 5, (3, 5))
  nothing = tables_of(np.zeros((3, 0), int), None)
  assert (nothing.items, nothing.actions, nothing.categories) == (3, 1, ())


def test_the_section_says_the_sizes():
  section = get_config("tiny").ranker.to_dict()
  tables = tables_of(np.zeros((3, 1), int), None)
  model = build_ranker(section, tables)
  assert model.config.early.width == section["model"]["width"]
  assert model.config.late_layers == section["model"]["late_layers"]
  assert model.config.matches
  assert model.dot_general is dot_general("bfloat16")
  exact = build_ranker(section, tables, precision="float32")
  assert exact.dot_general is dot_general("float32")
