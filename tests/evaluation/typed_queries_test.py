import numpy as np
import pytest

from gr_jax.data.catalogue import Catalogue, category_columns, object_array
from gr_jax.evaluation.typed_queries import (
  TypedQueries,
  answered,
  read_typed_queries,
  right_items,
)

PATHS = [
  ["food", "milk", "white"],
  ["food", "milk", "chocolate"],
  ["food", "candy", "chocolate"],
  ["food", "candy"],
  [],
]
CATEGORIES, NAMES = category_columns(PATHS)
CATALOGUE = Catalogue(
  object_array(list("abcde")),
  object_array(["x"] * 5),
  CATEGORIES,
  NAMES,
  np.zeros(5, np.float32),
  np.zeros(5, np.int64),
)


@pytest.mark.parametrize(
  ("patterns", "rows"),
  [
    (("food > milk > white",), [0]),
    (("food > milk > *",), [0, 1]),
    (("*> chocolate",), [1, 2]),
    (("*> chocolate", "food > candy"), [1, 2, 3]),
    (("food*",), [0, 1, 2, 3]),
  ],
)
def test_an_item_is_right_where_its_whole_path_matches(patterns, rows):
  (right,) = right_items(TypedQueries(("q",), (patterns,)), CATALOGUE)
  assert np.flatnonzero(right).tolist() == rows


def test_a_query_that_nothing_can_answer_is_named():
  typed = TypedQueries(("tea", "soap"), (("food*",), ("*> soap",)))
  with pytest.raises(ValueError, match=r"no category .* right for 'soap'"):
    right_items(typed, CATALOGUE)


def test_answers_are_found_and_counted():
  right = np.array([[1, 1, 0, 0, 0], [0, 0, 0, 1, 0]], bool)
  got = answered(np.array([[4, 1, 0], [2, 4, -1]]), right)
  assert got.found.tolist() == [True, False]
  assert got.number.tolist() == [2, 0]
  assert (got.share, got.mean) == (0.5, 1.0)


def test_the_absent_is_never_right():
  right = np.array([[0, 0, 0, 0, 1]], bool)
  assert not answered(np.array([[-1, -1]]), right).found.any()


def test_a_file_is_read(tmp_path):
  path = tmp_path / "queries.csv"
  path.write_text('query,right\nmilk,*milk*|*cream\n"tea, cold",*tea*\n')
  typed = read_typed_queries(path)
  assert typed.queries == ("milk", "tea, cold")
  assert typed.right == (("*milk*", "*cream"), ("*tea*",))


@pytest.mark.parametrize(
  ("text", "message"),
  [("a,b\n1,2\n", "has columns"), ("query,right\nmilk,\n", "row 2 lacks")],
)
def test_a_file_of_another_form_is_one_line(tmp_path, text, message):
  path = tmp_path / "queries.csv"
  path.write_text(text)
  with pytest.raises(ValueError, match=message):
    read_typed_queries(path)
