r"""What found objects are worth as wanted shapes ([OURS]).

  credit = (color + kind + 2 color kind) / 4
  color  = 1 - max |rgb - wanted| / 2
  kind   = softmax_k(fit_k / 0.01)_wanted max_k fit_k min(1, r / low, high / r)

with low and high the radii between which a shape is one of the world's.
"""

import jax
import jax.numpy as jnp

from gr_jax.data.worlds.shapes.found_objects import RADII, FoundObjects
from gr_jax.data.worlds.shapes.palette import CORNERS
from gr_jax.data.worlds.shapes.prompts import Prompts

_KIND_TEMPERATURE = 0.01


def credits_of(found: FoundObjects, prompts: Prompts) -> jax.Array:
  """Returns `[B, G, M]`, what an object is worth as a shape of a group."""
  wanted = jnp.asarray(CORNERS)[prompts.colors]
  error = jnp.abs(found.rgb[:, None] - wanted[:, :, None])
  color = jnp.clip(1 - jnp.max(error, axis=-1) / 2, 0, 1)
  fit = jnp.clip(jnp.max(found.fits, axis=-1, keepdims=True), 0, 1)
  low, high = RADII
  r = jnp.maximum(found.radii, 1e-6)[..., None]
  fit *= jnp.clip(jnp.minimum(r / low, high / r), 0, 1)
  kinds = fit * jax.nn.softmax(found.fits / _KIND_TEMPERATURE, axis=-1)
  kind = jnp.take_along_axis(kinds, prompts.kinds[:, None], axis=2)
  kind = jnp.moveaxis(kind, 1, 2)
  credit = (color + kind + 2 * color * kind) / 4
  return jnp.where(found.present[:, None], credit, 0)
