"""Pictures as tokens: squares of `p x p` pixels, row by row."""

import jax


def to_patches(pictures: jax.Array, size: int) -> jax.Array:
  """`[B, h w, p p C]` of pictures `[B, h p, w p, C]`.

  Raises:
    ValueError: the sides are no multiples of the patch.
  """
  B, H, W, C = pictures.shape
  if H % size or W % size:
    raise ValueError(
      f"pictures of {H} x {W} are no multiple of patches of {size} x {size}."
    )
  x = pictures.reshape(B, H // size, size, W // size, size, C)
  x = x.transpose(0, 1, 3, 2, 4, 5)
  return x.reshape(B, (H // size) * (W // size), size * size * C)


def from_patches(
  tokens: jax.Array, size: int, *, height: int, width: int
) -> jax.Array:
  """The pictures `[B, height, width, C]` that `to_patches` took apart."""
  B, h, w = len(tokens), height // size, width // size
  x = tokens.reshape(B, h, w, size, size, -1).transpose(0, 1, 3, 2, 4, 5)
  return x.reshape(B, height, width, -1)
