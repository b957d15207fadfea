"""Pictures of scenes: a pure function with soft edges."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.data.worlds.shapes.outlines import coverage
from gr_jax.data.worlds.shapes.palette import CORNERS, GRAYS
from gr_jax.data.worlds.shapes.scenes import Scenes


@functools.partial(jax.jit, static_argnames="size")
def render(scenes: Scenes, *, size: int = 32) -> jax.Array:
  """Draws scenes, later shapes over earlier ones.

    x <- x + m_k (color_k - x),  x = gray at first,

  with the mask m_k of shape k.

  Returns:
    `[B, size, size, 3]` float32 in [-1, 1].
  """
  masks = object_masks(scenes, size=size)
  gray = jnp.asarray(GRAYS)[scenes.prompts.background]
  colors = jnp.asarray(CORNERS)[scenes.colors]  # `[B, 6, 3]`
  shape = (*masks.shape[:1], size, size, 3)
  pictures = jnp.broadcast_to(gray[:, None, None, None], shape)
  for k in range(masks.shape[1]):
    color = colors[:, k, None, None]
    pictures += masks[:, k, ..., None] * (color - pictures)
  return pictures


@functools.partial(jax.jit, static_argnames="size")
def object_masks(scenes: Scenes, *, size: int = 32) -> jax.Array:
  """Returns the share of each pixel that a shape covers, `[B, 6, size, size]`.

  The shape is whole, also where another lies over it; 0 after the last.
  """
  x, y = pixel_centers(size)
  centers, r = scenes.centers * size, scenes.radii * size
  return coverage(
    scenes.kinds[..., None, None],
    x - centers[..., 0, None, None],
    y - centers[..., 1, None, None],
    r[..., None, None],
  )


def pixel_centers(size: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns x `[1, size]` and y `[size, 1]` in pixels."""
  middle = np.arange(size, dtype=np.float32) + 0.5
  return middle[None], middle[:, None]
