"""Vectors that were computed elsewhere, with a model of the user's own."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
from polars import selectors


def load_vectors(
  path: Path, keys: np.ndarray, *, key: str = "item_id", width: int = 0
) -> np.ndarray:
  """Reads vectors `[N, D]` float32, as stored, in the order of the keys.

  Rows of zeros are like nothing, so a line on stderr says how many there are.

  Args:
    path: An NPY file `[N, D]` in the order of the keys, or a Parquet file with
      a column of keys and one column of number lists, in any order; rows of
      other keys are ignored.
    keys: The keys `[N]`: ids of a catalogue's items or texts of queries.
    key: The name of the column of keys.
    width: The width `D` that the vectors must have; 0 allows any.

  Raises:
    FileNotFoundError: no such file.
    ValueError: not NPY or Parquet, wrong shape, missing or repeated keys, a
      value that is not finite.
  """
  path, noun = Path(path), key.removesuffix("_id")
  if not path.is_file():
    raise FileNotFoundError(f"No vectors at {path}.")
  if path.suffix == ".npy":
    vectors = _npy_vectors(path)
  elif path.suffix == ".parquet":
    try:
      vectors = _parquet_vectors(path, keys, key)
    except pl.exceptions.PolarsError as error:
      reason = str(error).splitlines()[0]
      raise ValueError(f"{path.name} cannot be read: {reason}") from error
  else:
    raise ValueError(f"{path.name} is not supported; give .npy or .parquet.")
  shape = len(keys), width or (vectors.shape or (0,))[-1]
  if vectors.shape != shape:
    raise ValueError(
      f"{path.name} has shape {list(vectors.shape)}; this data needs "
      f"[{len(keys)}, {width or 'D'}]."
    )
  with np.errstate(over="ignore"):  # What is too large is named below.
    vectors = vectors.astype(np.float32)
  finite = np.isfinite(vectors).all(axis=1)
  if not finite.all():
    row = int(np.flatnonzero(~finite)[0])
    raise ValueError(
      f"{path.name} holds a value that is not finite for {noun} "
      f"{keys[row]!r}, in {int((~finite).sum())} rows in all."
    )
  zero = ~vectors.any(axis=1)
  if zero.any():
    print(
      f"vectors: {int(zero.sum())} of {len(keys)} rows of {path.name} are all "
      f"zero, the first that of {noun} {str(keys[np.argmax(zero)])!r}: they "
      "cannot be told apart.",
      file=sys.stderr,
    )
  return vectors


def _npy_vectors(path: Path) -> np.ndarray:
  try:
    vectors = np.load(path, allow_pickle=False)
  except (ValueError, EOFError, OSError) as error:
    reason = str(error).splitlines()[0]
    if "pickle" in reason:
      reason = "it does not hold plain numbers"
    raise ValueError(f"{path.name} cannot be read as NPY: {reason}") from error
  if not isinstance(vectors, np.ndarray) or vectors.dtype.kind not in "fiub":
    kind = getattr(vectors, "dtype", "several arrays (NPZ)")
    raise ValueError(f"{path.name} holds {kind}; give one array of numbers.")
  return vectors


def _parquet_vectors(path: Path, keys: np.ndarray, key: str) -> np.ndarray:
  noun = key.removesuffix("_id")
  table = pl.read_parquet(path)
  lists = table.select(selectors.list() | selectors.array()).columns
  if key not in table.columns or len(lists) != 1:
    raise ValueError(
      f"{path.name} has columns {table.columns}; it needs {key} and one "
      "column of number lists."
    )
  table = table.select(
    key=pl.col(key).cast(pl.String),
    vector=pl.col(lists[0]).cast(pl.List(pl.Float32)),
  )
  repeated = table.filter(pl.col("key").is_duplicated())
  if repeated.height:
    raise ValueError(
      f"{path.name} gives {noun} {repeated['key'][0]!r} more than once."
    )
  wanted = pl.DataFrame({"key": pl.Series(keys.tolist(), dtype=pl.String)})
  found = wanted.join(table, on="key", how="left", maintain_order="left")
  missing = found.filter(pl.col("vector").is_null())
  if missing.height:
    raise ValueError(
      f"{path.name} lacks {missing.height} of {len(keys)} vectors, the first "
      f"that of {noun} {missing['key'][0]!r}."
    )
  widths = found["vector"].list.len().unique()
  if len(widths) != 1:
    raise ValueError(
      f"{path.name} holds vectors of lengths {widths.sort().to_list()}; all "
      "must be equal."
    )
  flat = found["vector"].list.explode(keep_nulls=True, empty_as_null=True)
  return flat.to_numpy().reshape(found.height, -1)
