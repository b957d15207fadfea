"""Weights of items below the prefixes that beams hold."""

import dataclasses
from typing import Self

import jax
import jax.numpy as jnp
from flax import struct


@struct.dataclass
class PrefixWeights:
  """What a prior over items knows of `M` prefixes a row.

  Attributes:
    weights: `[B, M, R]` of `R` items, 0 for those that do not begin with the
      prefix.
    shares: `[B, M]`, of the prefix among all shoppers.
  """

  weights: jax.Array
  shares: jax.Array

  def select(self, parents: jax.Array) -> Self:
    """The prefixes that beams `parents` `[B, M]` extend."""
    return dataclasses.replace(
      self,
      weights=jnp.take_along_axis(self.weights, parents[..., None], axis=1),
      shares=jnp.take_along_axis(self.shares, parents, axis=1),
    )

  def below(self, same: jax.Array, shares: jax.Array) -> Self:
    """The prefixes with one more code.

    Args:
      same: `[B, M, R]` bool, items that have this code; one prefix may be many.
      shares: `[B, M]`, of the code below its prefix.
    """
    return dataclasses.replace(
      self,
      weights=jnp.where(same, self.weights, 0),
      shares=self.shares * shares,
    )
