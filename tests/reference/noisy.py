"""Parameters that are not at their initial values."""

import jax
import jax.numpy as jnp


@jax.jit
def noisy(params):
  """Adds noise: blocks start as the identity, and tests must not see that."""
  leaves, tree = jax.tree.flatten(params)
  keys = jax.random.split(jax.random.key(42), len(leaves))
  moved = [
    x + 0.3 * jax.random.normal(key, jnp.shape(x), x.dtype)
    for x, key in zip(leaves, keys)
  ]
  return jax.tree.unflatten(tree, moved)
