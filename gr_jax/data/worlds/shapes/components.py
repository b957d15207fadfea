"""Connected components of many small pictures at once."""

import jax
import jax.numpy as jnp

_AXES_AND_STEPS = ((-1, 1), (-1, -1), (-2, 1), (-2, -1))


@jax.jit
def connected_components(classes: jax.Array) -> jax.Array:
  """Labels pixels that are joined over their sides by pixels of their class.

  Every pixel begins with its own number and takes the largest of its
  neighbors' until nothing changes.

  Args:
    classes: `[B, H, W]` int32, -1 for pixels of no component.

  Returns:
    `[B, H, W]` int32, the largest number y W + x of a component; -1 outside.
  """
  _, height, width = classes.shape
  numbers = jnp.arange(height * width).reshape(height, width)
  there = classes >= 0
  start = jnp.where(there, numbers, -1).astype(jnp.int32)
  joined = [
    there & (shifted(classes, axis, step) == classes)
    for axis, step in _AXES_AND_STEPS
  ]

  def spread(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
    labels, _ = state
    new = labels
    for (axis, step), mask in zip(_AXES_AND_STEPS, joined):
      new = jnp.where(mask, jnp.maximum(new, shifted(new, axis, step)), new)
    return new, jnp.any(new != labels)

  start = (start, jnp.any(there))
  return jax.lax.while_loop(lambda state: state[1], spread, start)[0]


def grown(labels: jax.Array) -> jax.Array:
  """Gives pixels of no component the largest label of their eight neighbors."""
  wide = labels
  for axis in (-1, -2):
    sides = shifted(wide, axis, 1), shifted(wide, axis, -1)
    wide = jnp.maximum(wide, jnp.maximum(*sides))
  return jnp.where(labels >= 0, labels, wide)


def shifted(x: jax.Array, axis: int, step: int) -> jax.Array:
  """Returns the neighbor's value one step along an axis, -1 past the edge."""
  edge = jnp.full_like(jax.lax.slice_in_dim(x, 0, 1, axis=axis), -1)
  if step > 0:
    inner = jax.lax.slice_in_dim(x, 0, x.shape[axis] - 1, axis=axis)
    return jnp.concatenate([edge, inner], axis=axis)
  inner = jax.lax.slice_in_dim(x, 1, x.shape[axis], axis=axis)
  return jnp.concatenate([inner, edge], axis=axis)
