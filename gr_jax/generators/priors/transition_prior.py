"""Transitions between items as a part of the count prior.

For a prefix `p`, the history's k-th newest item `h_k` and its neighbours `j`,

  mass(p) = sum over k and j that begin with p of e^a[k] weight[h_k, j]
  related(c | p) = e^(v_l . s + b_l) mass(p c) / (e^z + mass()) / share(p)

with `share(p)` the product of the shares that led to `p`. Added to the share
of `c` this is a mixture of two ways to draw a whole item, popularity and
neighbours, code by code: where `p` leads to neighbours more than to the
popular, neighbours also decide how it goes on. `a` begins at `-log(1 + k)`, the
weights of the baseline `item_knn`, and `v, b, z` at zero: training starts from
the baseline `[OURS]`.
"""

from typing import Self

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.generators.priors.prefix_weights import PrefixWeights
from gr_jax.generators.priors.transitions import Transitions
from gr_jax.nn.layers import name_axes

_LEAST_SHARE = 1e-12


@struct.dataclass
class NeighbourState(PrefixWeights):
  """The weights of the history's neighbours, whose codes are `[B, R, L]`."""

  codes: jax.Array

  def step(self, codes: jax.Array, shares: jax.Array, level: int) -> Self:
    """After `codes` `[B, M]` of `level`, of `shares` below their prefixes."""
    same = self.codes[:, None, :, level] == codes[..., None]
    return self.below(same, shares)


class TransitionPrior(nn.Module):
  """The neighbours' part of every level.

  Attributes:
    levels: the number of levels of an ID.
    width: the width of the network's states.
    last: the number of newest items of a history whose neighbours are read.
  """

  levels: int
  width: int
  last: int

  def setup(self):
    self.age = self.param(
      "age",
      name_axes(_ages_of_item_knn, ("norm",)),
      (self.last,),
    )
    self.evidence = self.param(
      "evidence",
      name_axes(nn.initializers.zeros, ()),
      (),
    )
    self.gate = self.param(
      "gate",
      name_axes(nn.initializers.zeros, ("levels", "embed")),
      (self.levels, self.width),
    )
    self.gate_bias = self.param(
      "gate_bias",
      name_axes(nn.initializers.zeros, ("levels",)),
      (self.levels,),
    )

  def start(
    self, history: jax.Array, transitions: Transitions
  ) -> NeighbourState:
    """Before the first code, of codes `[B, H, L]`, -1 = no item."""
    codes, weights = transitions.related(history)
    weights = weights * jnp.exp(self.age)[: weights.shape[1], None]
    rows, levels = len(weights), codes.shape[-1]
    weights = weights.reshape(rows, 1, -1)
    total = weights.sum(axis=-1, keepdims=True)
    return NeighbourState(
      weights / (jnp.exp(self.evidence) + total),
      jnp.ones((rows, 1)),
      codes.reshape(rows, -1, levels),
    )

  def __call__(
    self,
    related: NeighbourState,
    states: jax.Array,
    level: int,
    *,
    columns: int,
  ) -> jax.Array:
    """`related(c | p)`, `[B, M, columns]`, for states `[B, M, D]`."""
    B, M, _ = related.weights.shape
    # The last column is the end of an ID, code -1.
    column = related.codes[:, None, :, level] % columns
    # Rows of a batch apart, so that devices which share it add their own.
    mass = jax.vmap(jax.vmap(lambda row, at, weight: row.at[at].add(weight)))(
      jnp.zeros((B, M, columns)),
      jnp.broadcast_to(column, related.weights.shape),
      related.weights,
    )
    gate = jnp.exp(states @ self.gate[level] + self.gate_bias[level])
    shares = jnp.maximum(related.shares, _LEAST_SHARE)
    return (gate / shares)[..., None] * mass


def _ages_of_item_knn(
  key: jax.Array, shape: tuple[int, ...], dtype=jnp.float32
) -> jax.Array:
  del key
  return -jnp.log1p(jnp.arange(shape[0], dtype=dtype))
