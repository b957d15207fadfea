"""The order in which cuBLAS reads the scales of a block-scaled product.

Scales `[F, n]`, one for each run of a row, are cut into tiles of 128 rows and 4
columns, rows of tiles first; missing ones are zeros. In a tile of 512,

  offset(r, c) = 16 (r mod 32) + 4 floor(r / 32) + c

so that what four rows, 32 apart, have in common lies side by side (cuBLAS,
"1D Block Scaling Factors Layout"). `jax.nn.scaled_matmul` takes scales as they
are and does this itself; kernels that are called directly want it done.
"""

import jax
import jax.numpy as jnp

ROWS, COLUMNS = 128, 4
"""A tile."""
_GROUP = 32


def swizzle(scales: jax.Array) -> jax.Array:
  """`[F, n]` of any type to one axis, a whole number of tiles long."""
  rows, columns = scales.shape
  padded = jnp.pad(scales, ((0, -rows % ROWS), (0, -columns % COLUMNS)))
  down, across = padded.shape[0] // ROWS, padded.shape[1] // COLUMNS
  tiles = padded.reshape(down, ROWS // _GROUP, _GROUP, across, COLUMNS)
  return tiles.transpose(0, 3, 2, 1, 4).reshape(-1)


def unswizzle(flat: jax.Array, *, rows: int, columns: int) -> jax.Array:
  """The inverse of `swizzle`, without its padding.

  Args:
    flat: what `swizzle` returned.
    rows: `F`.
    columns: `n`.

  Raises:
    ValueError: `flat` is not as long as the tiles of such scales.
  """
  down, across = -(-rows // ROWS), -(-columns // COLUMNS)
  if flat.shape != (down * across * ROWS * COLUMNS,):
    raise ValueError(
      f"scales [{rows}, {columns}] have {down} x {across} tiles of "
      f"{ROWS * COLUMNS}; got shape {flat.shape}."
    )
  tiles = flat.reshape(down, across, _GROUP, ROWS // _GROUP, COLUMNS)
  padded = tiles.transpose(0, 3, 2, 1, 4).reshape(down * ROWS, across * COLUMNS)
  return padded[:rows, :columns]
