"""The noise of a picture, drawn from the picture's own seed.

A seed is an integer. It gives the noise that a picture begins as and the noise
of every stochastic step, whatever other pictures are in the batch and in which
order: a picture need not be kept, its seed and its prompt make it again
(Sol-RL, arXiv 2604.06916, keeps seeds alone).
"""

import jax


def _key(seed: jax.Array, step: int | jax.Array) -> jax.Array:
  return jax.random.fold_in(jax.random.key(seed), step)


def first_noise(seeds: jax.Array, shape: tuple[int, ...]) -> jax.Array:
  """`ε` `[B, *shape]` of seeds `[B]`, standard normal."""
  return step_noise(seeds, 0, shape)


def step_noise(
  seeds: jax.Array, step: int | jax.Array, shape: tuple[int, ...]
) -> jax.Array:
  """The noise `[B, *shape]` of one step; steps count from 1.

  Args:
    seeds: `[B]` integers.
    step: the number of the step, which may be traced.
    shape: the shape of a picture.
  """
  return jax.vmap(lambda seed: jax.random.normal(_key(seed, step), shape))(
    seeds
  )
