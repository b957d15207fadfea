"""Vectors of a file are found by their keys, or the error says what to do."""

import numpy as np
import polars as pl
import pytest

from gr_jax.data.catalogue import object_array
from gr_jax.text.stored_vectors import load_vectors

IDS = object_array(["a", "b", "c"])
VECTORS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


def write(path, ids, vectors):
  pl.DataFrame({"item_id": ids, "embedding": vectors}).write_parquet(path)
  return path


def test_npy_rows_are_in_catalogue_order(tmp_path):
  np.save(tmp_path / "v.npy", VECTORS.astype(np.float64))
  loaded = load_vectors(tmp_path / "v.npy", IDS)
  np.testing.assert_array_equal(loaded, VECTORS)
  assert loaded.dtype == np.float32


def test_parquet_rows_are_found_by_id_in_any_order(tmp_path):
  path = write(
    tmp_path / "v.parquet",
    ["c", "x", "a", "b"],
    [[5.0, 6.0], [9.0, 9.0], [1.0, 2.0], [3.0, 4.0]],
  )
  np.testing.assert_array_equal(load_vectors(path, IDS), VECTORS)


@pytest.mark.parametrize(
  ("ids", "vectors", "message"),
  [
    (
      ["a", "c"],
      [[1.0], [2.0]],
      "lacks 1 of 3 vectors, the first that of item 'b'",
    ),
    (["a", "b", "c", "a"], [[1.0]] * 4, "gives item 'a' more than once"),
    (["a", "b", "c"], [[1.0], [1.0, 2.0], [1.0]], r"lengths \[1, 2\]"),
    (
      ["a", "b", "c"],
      [[1.0], [float("nan")], [1.0]],
      "not finite for item 'b'",
    ),
    (["a", "b", "c"], [1.0, 2.0, 3.0], "one column of number lists"),
  ],
)
def test_wrong_parquet_is_refused(tmp_path, ids, vectors, message):
  path = write(tmp_path / "v.parquet", ids, vectors)
  with pytest.raises(ValueError, match=message):
    load_vectors(path, IDS)


@pytest.mark.parametrize(
  ("array", "message"),
  [
    (np.array([["x"]] * 3), "holds <U1; give one array of numbers"),
    (np.ones((3, 2), complex), "holds complex128; give"),
    (np.zeros((3, 2), "M8[D]"), "holds datetime64.D.; give"),
    (np.float32(1), r"has shape \[\]; this data needs \[3, D\]"),
    (np.ones((2, 4)), r"has shape \[2, 4\]; this data needs \[3, D\]"),
  ],
)
def test_wrong_arrays_are_refused(tmp_path, array, message):
  np.save(tmp_path / "v.npy", array)
  with pytest.raises(ValueError, match=message):
    load_vectors(tmp_path / "v.npy", IDS)


def test_a_damaged_npy_is_one_line(tmp_path):
  path = tmp_path / "v.npy"
  np.save(path, VECTORS)
  whole = path.read_bytes()
  for damaged in (b"", b"1,2,3", whole[:60], whole[:-4]):
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"v\.npy cannot be read as NPY") as e:
      load_vectors(path, IDS)
    assert "\n" not in str(e.value)
  with path.open("wb") as stream:
    np.savez(stream, a=VECTORS)
  with pytest.raises(ValueError, match="several arrays"):
    load_vectors(path, IDS)


def test_queries_are_found_by_their_text(tmp_path):
  table = pl.DataFrame(
    {"query": ["milk", "ice"], "y": [[1.0, 2.0], [3.0, 4.0]]}
  )
  table.write_parquet(tmp_path / "q.parquet")
  queries = object_array(["ice", "milk"])
  found = load_vectors(tmp_path / "q.parquet", queries, key="query")
  assert found.tolist() == [[3, 4], [1, 2]]
  with pytest.raises(ValueError, match="first that of query 'tea'"):
    load_vectors(tmp_path / "q.parquet", object_array(["tea"]), key="query")


def test_a_width_that_is_wanted_is_checked(tmp_path):
  np.save(tmp_path / "v.npy", VECTORS)
  found = load_vectors(tmp_path / "v.npy", IDS, width=2)
  np.testing.assert_array_equal(found, VECTORS)
  with pytest.raises(ValueError, match=r"shape \[3, 2\].*\[3, 5\]"):
    load_vectors(tmp_path / "v.npy", IDS, width=5)


def test_a_damaged_file_is_one_line(tmp_path):
  (tmp_path / "v.parquet").write_bytes(b"PAR1 and nothing more")
  with pytest.raises(ValueError, match=r"v\.parquet cannot be read") as error:
    load_vectors(tmp_path / "v.parquet", IDS)
  assert "\n" not in str(error.value)


def test_wrong_shape_suffix_and_path_are_refused(tmp_path):
  np.save(tmp_path / "v.npy", VECTORS[:2])
  with pytest.raises(ValueError, match=r"shape \[2, 2\].*\[3, D\]"):
    load_vectors(tmp_path / "v.npy", IDS)
  (tmp_path / "v.csv").touch()
  with pytest.raises(ValueError, match=r"give \.npy or \.parquet"):
    load_vectors(tmp_path / "v.csv", IDS)
  with pytest.raises(FileNotFoundError, match="No vectors at"):
    load_vectors(tmp_path / "none.npy", IDS)


def test_rows_of_zeros_are_counted_and_named(tmp_path, capsys):
  path = tmp_path / "v.npy"
  np.save(path, np.array([[1.0, 0.0], [0.0, 0.0], [0.0, -0.0]]))
  assert load_vectors(path, IDS).shape == (3, 2)
  assert capsys.readouterr().err == (
    "vectors: 2 of 3 rows of v.npy are all zero, the first that of item 'b': "
    "they cannot be told apart.\n"
  )
  np.save(path, np.ones((3, 2)))
  load_vectors(path, IDS)
  assert capsys.readouterr().err == ""


@pytest.mark.parametrize("bad", [np.nan, -np.inf, 1e300])
def test_an_array_with_a_value_that_is_not_finite_is_refused(tmp_path, bad):
  path = tmp_path / "v.npy"
  np.save(path, np.array([[1.0, 0.0], [0.0, bad], [1.0, 1.0]]))
  with pytest.raises(ValueError, match="not finite for item 'b', in 1 rows"):
    load_vectors(path, IDS)


def test_a_single_number_is_no_array_of_vectors(tmp_path):
  path = tmp_path / "v.npy"
  np.save(path, np.float32(1))
  with pytest.raises(ValueError, match=r"has shape \[\]; this data needs"):
    load_vectors(path, IDS)
