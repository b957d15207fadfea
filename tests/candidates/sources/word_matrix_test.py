import numpy as np

from gr_jax.candidates.sources.word_matrix import wider, word_matrix


def test_a_row_has_ones_for_its_words_however_often():
  vocabulary: dict[str, int] = {}
  found = word_matrix([["a", "b", "a"], [], ["c", "b"]], vocabulary)
  assert vocabulary == {"a": 0, "b": 1, "c": 2}
  np.testing.assert_array_equal(
    found.toarray(), [[1, 1, 0], [0, 0, 0], [0, 1, 1]]
  )


def test_new_words_get_the_columns_behind_the_known_ones():
  vocabulary = {"b": 0, "a": 1}
  found = word_matrix([["d", "a"]], vocabulary)
  assert vocabulary == {"b": 0, "a": 1, "d": 2}
  np.testing.assert_array_equal(found.toarray(), [[0, 1, 1]])


def test_without_words_there_is_one_empty_column():
  assert word_matrix([[], []]).shape == (2, 1)
  assert word_matrix([[], []]).nnz == 0


def test_columns_are_added_behind():
  one = word_matrix([["a"], []])
  np.testing.assert_array_equal(wider(one, 3).toarray(), [[1, 0, 0], [0, 0, 0]])
