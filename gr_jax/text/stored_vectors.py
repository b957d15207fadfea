"""Vectors that the user computed elsewhere."""

from pathlib import Path

import numpy as np
import polars as pl


def load_vectors(path: Path, item_ids: np.ndarray) -> np.ndarray:
  """[N, D] float32 vectors of the catalogue's items, as stored.

  Args:
    path: an NPY file [N, D] in catalogue order, or a Parquet file with a column
      `item_id` and one column of number lists, in any order.
    item_ids: [N] ids of the catalogue.

  Raises:
    FileNotFoundError: no such file.
    ValueError: not NPY or Parquet, wrong shape, missing or repeated ids, a
      value that is not finite.
  """
  path = Path(path)
  if not path.is_file():
    raise FileNotFoundError(f"No vectors at {path}.")
  if path.suffix == ".npy":
    vectors = np.load(path, allow_pickle=False)
  elif path.suffix == ".parquet":
    vectors = _parquet_vectors(path, item_ids)
  else:
    raise ValueError(f"{path.name} is not supported; give .npy or .parquet.")
  if vectors.ndim != 2 or len(vectors) != len(item_ids):
    raise ValueError(
      f"{path.name} has shape {list(vectors.shape)}; the catalogue needs "
      f"[{len(item_ids)}, D]."
    )
  vectors = vectors.astype(np.float32)
  finite = np.isfinite(vectors).all(axis=1)
  if not finite.all():
    row = int(np.flatnonzero(~finite)[0])
    raise ValueError(
      f"{path.name} holds a value that is not finite for item "
      f"{item_ids[row]!r}, and in {int((~finite).sum())} rows in all."
    )
  return vectors


def _parquet_vectors(path: Path, item_ids: np.ndarray) -> np.ndarray:
  table = pl.read_parquet(path)
  lists = [
    name
    for name, dtype in table.schema.items()
    if isinstance(dtype, pl.List | pl.Array)
  ]
  if "item_id" not in table.columns or len(lists) != 1:
    raise ValueError(
      f"{path.name} has columns {table.columns}; it needs item_id and one "
      "column of number lists."
    )
  table = table.select(
    pl.col("item_id").cast(pl.String),
    vector=pl.col(lists[0]).cast(pl.List(pl.Float32)),
  )
  repeated = table.filter(pl.col("item_id").is_duplicated())
  if repeated.height:
    raise ValueError(
      f"{path.name} gives item {repeated['item_id'][0]!r} more than once."
    )
  wanted = pl.DataFrame(
    {"item_id": pl.Series(item_ids.tolist(), dtype=pl.String)}
  )
  found = wanted.join(table, on="item_id", how="left", maintain_order="left")
  missing = found.filter(pl.col("vector").is_null())
  if missing.height:
    raise ValueError(
      f"{path.name} lacks {missing.height} of {len(item_ids)} items, the first "
      f"{missing['item_id'][0]!r}."
    )
  widths = found["vector"].list.len().unique()
  if len(widths) != 1:
    raise ValueError(
      f"{path.name} holds vectors of lengths {widths.sort().to_list()}; all "
      "must be equal."
    )
  flat = found["vector"].list.explode(keep_nulls=True, empty_as_null=True)
  return flat.to_numpy().reshape(found.height, -1)
