import dataclasses
import types

import chex
import numpy as np
import pytest

from gr_jax.candidates import saved
from gr_jax.data.requests import TEST
from gr_jax.retrieval.load_candidates import live_candidates
from gr_jax.retrieval.query_vectors import EncodedQueries, StoredQueries
from tests.reference import candidate_log, small_world

COUNTED = 2  # Columns of the vectors that tell what training counted.


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  directory = tmp_path_factory.mktemp("run")
  kept = directory / "generator" / saved.CANDIDATES
  saved.save(candidate_log.writer(), kept)
  return directory


def load(folder, *, items=None, size=20, **vectors):
  items = items or candidate_log.facts()
  section = {"candidates": {"size": size}} if size else {}
  codes = small_world.semantic_ids().codes
  codes = np.concatenate([codes, codes[: len(items) - len(codes)]])
  return live_candidates(
    folder,
    {
      "generator": {"section": section},
      "vectors": {"section": {"dimensions": COUNTED, **vectors}},
    },
    items,  # As a catalogue, it has all that is read of one.
    items.vectors,
    types.SimpleNamespace(codes=codes),
    small_world.writer()._vocabulary,
  )


def test_a_generator_without_candidates_has_none(folder):
  assert load(folder, size=0) is None
  assert load(folder / "nowhere", size=0) is None


def test_candidates_of_a_file_of_vectors_are_those_of_the_training(folder):
  found = load(folder, path="items.npy")
  log = candidate_log.log()
  rows = np.flatnonzero(log.requests.split == TEST)[:8, None]
  shown = np.ones(len(rows), bool)
  chex.assert_trees_all_equal(
    found.writer.of(log)(rows, shown=shown),
    candidate_log.writer()(rows, shown=shown),
  )
  assert isinstance(found.query_vectors, StoredQueries)


def test_columns_of_what_was_counted_are_not_compared(folder):
  """A request to come has no such columns of its own."""
  found = load(folder, text_weight=1.0)
  vectors = candidate_log.facts().vectors
  assert (found.items.vectors[:, -COUNTED:] == 0).all()
  kept = vectors[:, :-COUNTED]
  np.testing.assert_array_equal(found.items.vectors[:, :-COUNTED], kept)
  assert isinstance(found.query_vectors, EncodedQueries)


def test_items_of_an_update_stand_behind_those_that_were_counted(folder):
  items = candidate_log.facts()
  more = dataclasses.replace(
    items,
    **{
      field.name: np.concatenate([column, column[:2]])
      for field in dataclasses.fields(items)
      for column in [getattr(items, field.name)]
    },
  )

  before, found = load(folder, path="x"), load(folder, items=more, path="x")
  assert len(found.items) == len(before.items) + 2
  assert found.query_rows == before.query_rows
  np.testing.assert_array_equal(
    found.items.vectors[: len(items)], before.items.vectors
  )
