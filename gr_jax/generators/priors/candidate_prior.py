"""Candidates of a request as a prior over codes.

Everything that counting, words and vectors know of an item for a request is a
feature of the candidate (`gr_jax.candidates`). A small network turns the
features f_i of item i into a weight,

  w_i = exp(a . f_i + v . relu(W_2 relu(W_1 f_i)) + b),

and a request draws an item from the mixture of what is popular and of its
candidates, P(i) ~ share(i) + w_i. For a prefix `p` of codes and a code `c`

  bias(c | p) = log(share(p c) + g_l(s) sum of w_i over candidates below p c)

with `share` the popularity of all items below a prefix and the gate
`g_l = exp(r (u_l . s + b_l))` of the network's state `s`, which begins at one.
Sums over what lies below a prefix are exact, so before the network has learned
anything, and with gates of one, the softmax over codes is this mixture, item by
item. `a, b, v, W_1, W_2` are fitted first, to rank candidates
(`candidate_fit`), and stay as they are while the network learns. `r`, one
number for each kind of request, says how much of the network is used; it is 1
in training. `[OURS]`: a learned ranker of candidates inside the softmax.
"""

import functools
from typing import Self

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.candidates.candidates import KINDS, Candidates
from gr_jax.generators.priors.prefix_weights import PrefixWeights
from gr_jax.nn.layers import name_axes

_START = -4.0


@struct.dataclass
class CandidateState(PrefixWeights):
  """The weights of candidates; `P` is `M` or 1.

  Attributes:
    codes: `[B, P, R, L]`.
    used: `[B, P]`, how much of the network each request uses.
  """

  codes: jax.Array
  used: jax.Array

  def step(self, codes: jax.Array, shares: jax.Array, level: int) -> Self:
    """After `codes` `[B, M]` of `level`, of `shares` below their prefixes."""
    return self.below(self.codes[..., level] == codes[..., None], shares)


class CandidatePrior(nn.Module):
  """The weights of candidates and their part of every level.

  Attributes:
    features: `F`.
    levels: the number of levels of an ID.
    width: the width of the network's states.
    hidden: the width of the two hidden layers.
  """

  features: int
  levels: int
  width: int
  hidden: int = 32

  def setup(self):
    he = nn.initializers.he_normal()
    zeros = nn.initializers.zeros
    shapes = (
      ("first", he, ("embed", "mlp"), (self.features, self.hidden)),
      ("first_bias", zeros, ("mlp",), (self.hidden,)),
      ("second", he, ("embed", "mlp"), (self.hidden, self.hidden)),
      ("second_bias", zeros, ("mlp",), (self.hidden,)),
      ("last", zeros, ("mlp",), (self.hidden,)),
      ("linear", zeros, ("embed",), (self.features,)),
      ("bias", nn.initializers.constant(_START), (), ()),
      ("gate", zeros, ("levels", "embed"), (self.levels, self.width)),
      ("gate_bias", zeros, ("levels",), (self.levels,)),
      ("used", nn.initializers.ones, ("kinds",), (len(KINDS),)),
    )
    for name, init, axes, shape in shapes:
      setattr(self, name, self.param(name, name_axes(init, axes), shape))

  def start(self, candidates: Candidates) -> CandidateState:
    """Before the first code, `M = P`; weights have no gradient here."""
    features = jnp.asarray(candidates.features)
    weights = jnp.where(candidates.mask, jnp.exp(self.log_weights(features)), 0)
    weights = jax.lax.stop_gradient(weights)
    return CandidateState(
      weights,
      jnp.ones(weights.shape[:2]),
      jnp.asarray(candidates.codes),
      self.used_of(candidates),
    )

  def used_of(self, candidates: Candidates) -> jax.Array:
    """`[B, P]`, how much of the network each request uses."""
    return jax.lax.stop_gradient(self.used)[candidates.kind]

  def log_weights(self, features: jax.Array) -> jax.Array:
    """`log w_i` `[...]` of features `[..., F]`."""
    hidden = nn.relu(features @ self.first + self.first_bias)
    hidden = nn.relu(hidden @ self.second + self.second_bias)
    return features @ self.linear + hidden @ self.last + self.bias

  def __call__(
    self,
    state: CandidateState,
    states: jax.Array,
    shares: jax.Array,
    level: int,
  ) -> jax.Array:
    """The mass `[B, M, C]` below every code, popularity included.

    Args:
      state: the candidates.
      states: `[B, M, D]`.
      shares: `[B, M, C]`, of every code below its prefix.
      level: the level of the codes.
    """
    # The last column is the end of an ID, code -1.
    column = state.codes[..., level] % shares.shape[-1]
    add = _mass_of_own if column.shape[1] > 1 else _mass_of_shared
    mass = add(state.weights, column, shares.shape[-1])
    gate = states @ self.gate[level] + self.gate_bias[level]
    gate = jnp.exp(state.used * gate)
    return state.shares[..., None] * shares + gate[..., None] * mass


def _mass_of_own(
  weights: jax.Array, column: jax.Array, columns: int
) -> jax.Array:
  """`[B, M, C]` of weights and columns `[B, M, R]`."""
  return jax.vmap(jax.vmap(functools.partial(_sums, columns)))(weights, column)


def _mass_of_shared(
  weights: jax.Array, column: jax.Array, columns: int
) -> jax.Array:
  """`[B, M, C]` of weights `[B, M, R]` and columns `[B, 1, R]`.

  All prefixes of a row share its candidates, and a candidate is below one
  prefix: `R` additions a row, not `M R`. Equal prefixes read those of the
  first of them.
  """
  M = weights.shape[1]
  below = weights > 0
  # Of no prefix: out of bounds, and dropped.
  prefix = jnp.min(jnp.where(below, jnp.arange(M)[:, None], M), axis=1)
  first = jnp.min(jnp.where(below, prefix[:, None], M), axis=2)
  places = prefix * columns + column[:, 0]
  sums = jax.vmap(functools.partial(_sums, M * columns))
  mass = sums(jnp.max(weights, axis=1), places).reshape(-1, M, columns)
  return jnp.take_along_axis(
    mass, first[..., None], axis=1, mode="fill", fill_value=0
  )


def _sums(size: int, values: jax.Array, places: jax.Array) -> jax.Array:
  """`[size]`, the sums of values `[R]` at places `[R]`, if they are below."""
  return jnp.zeros(size).at[places].add(values, mode="drop")
