"""The three ways in which the losses average a group, and the batch's mean.

A group is `G` sequences of `L` tokens that answer one prompt. `where` says
which tokens count: codes after an early end do not, and a sequence without any
token is not in the group.
"""

import jax
import jax.numpy as jnp


def _divide(total: jax.Array, count: jax.Array) -> jax.Array:
  return total / jnp.maximum(count, 1)


def sequence_sums(tokens: jax.Array, *, where: jax.Array) -> jax.Array:
  """`sum_t x_t` of `[..., G, L]`: `[..., G]`, 0 for an absent sequence."""
  return jnp.sum(jnp.where(where, tokens, 0), axis=-1)


def sequence_means(tokens: jax.Array, *, where: jax.Array) -> jax.Array:
  """`1/|o| sum_t x_t` of `[..., G, L]`: `[..., G]`, 0 if absent."""
  sums = sequence_sums(tokens, where=where)
  return _divide(sums, jnp.sum(where, axis=-1))


def group_mean(sequences: jax.Array, *, where: jax.Array) -> jax.Array:
  """`1/G sum_i x_i` over the sequences `[..., G]` that are there: `[...]`."""
  total = jnp.sum(jnp.where(where, sequences, 0), axis=-1)
  return _divide(total, jnp.sum(where, axis=-1))


def token_mean(tokens: jax.Array, *, where: jax.Array) -> jax.Array:
  """`sum_i sum_t x_it / sum_i |o_i|` of `[..., G, L]`: `[...]`."""
  total = jnp.sum(jnp.where(where, tokens, 0), axis=(-2, -1))
  return _divide(total, jnp.sum(where, axis=(-2, -1)))


def batch_mean(groups: jax.Array, *, where: jax.Array) -> jax.Array:
  """`E_x`: the mean of `[B]` over the groups that count; 0 with none."""
  return _divide(jnp.sum(jnp.where(where, groups, 0)), jnp.sum(where))
