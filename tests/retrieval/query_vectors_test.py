import numpy as np

from gr_jax.retrieval.query_vectors import (
  EncodedQueries,
  StoredQueries,
  query_vectors,
)


class Lengths:
  """An encoder that gives the length of a text, twice."""

  dimensions = 2

  def encode(self, texts):
    return np.array([[len(text)] * 2 for text in texts], np.float32)


def test_queries_are_encoded_with_the_weight_of_the_texts():
  found = EncodedQueries(0.5, Lengths)(["ab", "abcd"])
  np.testing.assert_array_equal(found, [[1, 1], [2, 2]])


def test_stored_vectors_are_those_of_known_queries_and_zeros():
  table = np.arange(6, dtype=np.float32).reshape(3, 2)
  found = StoredQueries(table, {"cup": 2})(["pan", "cup"])
  np.testing.assert_array_equal(found, [[0, 0], [4, 5]])


def test_a_run_reads_queries_as_its_vectors_were_made(tmp_path):
  rows = {"cup": 1}
  made = query_vectors(tmp_path, {"text_weight": 2.0}, rows)
  assert isinstance(made, EncodedQueries)
  # Without vectors of queries, means of what they led to stood there.
  section = {"path": "items.npy"}
  assert query_vectors(tmp_path, section, rows)(["pan"]).shape == (1, 0)
  np.save(tmp_path / "queries.npy", np.eye(2, dtype=np.float32))
  section |= {"query_path": "queries.npy"}
  found = query_vectors(tmp_path, section, rows)(["cup"])
  np.testing.assert_array_equal(found, [[0, 1]])
