"""The counts of a catalogue as a bias that the network corrects.

Counting is hard to beat where shoppers buy the same things again, and a network
needs many examples to learn counts by gradients. So it is given them, and
learns what they miss: for a prefix `p` of codes and the state `s` of the
network,

  logit(c | p) = s . e_c + log(share(c | p) + g_l(s) own(c | p) + 1e-6)
  own(c | p) = sum of w_h over items h of the history that begin with p c,
               over 1 + the same sum over those that begin with p
  w_h = exp(a[age of h] + a[how often h was bought]),  g_l = exp(v_l . s + b_l)

with `share` over all shoppers (`CatalogueCounts`) and `a, v, b` learned from
zero. Where the variables hold transitions, they are added to the sum
(`transition_prior`). A training row reads the counts of a log that ends, for
its user, with its history (`left_out`). `[OURS]`: a mixture of a popularity
model and a pointer to the prompt (See et al. 2017, "Get to the point"), inside
the softmax.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.generators.priors.candidate_prior import (
  CandidatePrior,
  CandidateState,
)
from gr_jax.generators.priors.catalogue_counts import CatalogueCounts
from gr_jax.generators.priors.transition_prior import (
  NeighbourState,
  TransitionPrior,
)
from gr_jax.generators.priors.transitions import Transitions
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.layers import name_axes

_LEAST_SHARE = 1e-6
_LEAST_MASS = 1e-16


@struct.dataclass
class PriorState:
  """The state of the counts for `M` prefixes per row.

  Attributes:
    nodes: `[B, M]` prefixes in the catalogue's tree.
    weights: `[B, M, H]` of the history's items that begin with the prefix.
    history: `[B, H, L]` codes of the history.
    related: neighbours of the history; None without transitions.
    candidates: the candidates, which take the place of history and neighbours;
      None without.
  """

  nodes: jax.Array
  weights: jax.Array
  history: jax.Array
  related: NeighbourState | None = None
  candidates: CandidateState | None = None

  def select(self, parents: jax.Array) -> "PriorState":
    """The prefixes that beams `parents` `[B, M]` extend."""
    return dataclasses.replace(
      self,
      nodes=jnp.take_along_axis(self.nodes, parents, axis=1),
      weights=jnp.take_along_axis(self.weights, parents[..., None], axis=1),
      related=self.related and self.related.select(parents),
      candidates=self.candidates and self.candidates.select(parents),
    )


class CountPrior(nn.Module):
  """The bias of every level.

  Attributes:
    prompt_size: the number of tokens that are not codes.
    level_sizes: the number of codes per level.
    width: the width of the network's states.
    last: the number of newest items whose transitions are read, 0 without.
    candidate_features: the number of features of a candidate, 0 without.
  """

  prompt_size: int
  level_sizes: tuple[int, ...]
  width: int
  last: int = 0
  candidate_features: int = 0

  def setup(self):
    if self.candidate_features:
      self.candidates = CandidatePrior(
        self.candidate_features, len(self.level_sizes), self.width
      )
      return
    self.scale = self.param(
      "scale",
      name_axes(nn.initializers.zeros, ("norm",)),
      (self.prompt_size,),
    )
    self.gate = self.param(
      "gate",
      name_axes(nn.initializers.zeros, ("levels", "embed")),
      (len(self.level_sizes), self.width),
    )
    self.gate_bias = self.param(
      "gate_bias",
      name_axes(nn.initializers.zeros, ("levels",)),
      (len(self.level_sizes),),
    )

    self.transitions = TransitionPrior(
      len(self.level_sizes), self.width, self.last
    )

  def start(
    self, prompt: Prompt, transitions: Transitions | None = None
  ) -> PriorState:
    """Before the first code: one prefix a row."""
    levels = len(self.level_sizes)
    starts = [
      self.prompt_size + sum(self.level_sizes[:l]) for l in range(levels)
    ]
    tokens = prompt.history[..., :levels]
    codes = jnp.where(tokens >= 0, tokens - jnp.asarray(starts), -1)
    facts = prompt.history[..., levels:]
    nodes = jnp.zeros((len(tokens), 1), jnp.int32)
    if self.candidate_features:
      nothing = jnp.zeros((len(tokens), 1, 0))
      if prompt.candidates is None:
        raise ValueError("the generator reads candidates; the prompt has none.")
      found = self.candidates.start(prompt.candidates)
      return PriorState(nodes, nothing, codes[:, :0], candidates=found)
    weights = jnp.exp(
      jnp.where(facts >= 0, self.scale[jnp.maximum(facts, 0)], 0).sum(-1)
    )
    weights = jnp.where(prompt.mask[:, 1:], weights, 0)[:, None]
    related = transitions and self.transitions.start(codes, transitions)
    return PriorState(nodes, weights, codes, related)

  def step(
    self,
    counted: PriorState,
    counts: CatalogueCounts,
    codes: jax.Array,
    level: int,
  ) -> PriorState:
    """After `codes` `[B, M]` of `level` were chosen; one prefix may be many."""
    parents = jnp.broadcast_to(counted.nodes, codes.shape).reshape(-1)
    children = counts.step(level, parents, codes.reshape(-1))
    nodes = children.reshape(codes.shape)
    same = counted.history[:, None, :, level] == codes[..., None]
    weights = jnp.where(same, counted.weights, 0)
    related, candidates = counted.related, counted.candidates
    if related is not None or candidates is not None:
      shares = counts.share(level, parents, children).reshape(codes.shape)
      related = related and related.step(codes, shares, level)
      candidates = candidates and candidates.step(codes, shares, level)
    return PriorState(nodes, weights, counted.history, related, candidates)

  def follow(
    self,
    counted: PriorState,
    counts: CatalogueCounts,
    codes: jax.Array,
    parents: jax.Array,
    level: int,
  ) -> PriorState:
    """As `step`, for beams that extend `parents` `[B, M]` with `codes`."""
    # Before the first code all beams are one prefix.
    counted = counted.select(parents) if level else counted
    return self.step(counted, counts, codes, level)

  def bias(
    self,
    counted: PriorState,
    counts: CatalogueCounts,
    states: jax.Array,
    level: int,
  ) -> jax.Array:
    """`[B, M, C]` for states `[B, M, D]`; one prefix may serve them all."""
    B, M = counted.nodes.shape
    shares = counts.rows(level, counted.nodes.reshape(-1)).reshape(B, M, -1)
    if counted.candidates is not None:
      mass = self.candidates(counted.candidates, states, shares, level)
      return jnp.log(jnp.maximum(mass, _LEAST_MASS))
    # The last column is the end of an ID, code -1.
    columns = counted.history[:, None, :, level] % shares.shape[-1]
    columns = jnp.broadcast_to(columns, counted.weights.shape)
    # Rows of a batch apart, so that devices which share it add their own.
    own = jax.vmap(jax.vmap(_added))(
      jnp.zeros_like(shares), columns, counted.weights
    )
    own /= 1 + counted.weights.sum(axis=-1, keepdims=True)
    gate = jnp.exp(states @ self.gate[level] + self.gate_bias[level])
    mass = _LEAST_SHARE + shares + gate[..., None] * own
    if counted.related is not None:
      mass += self.transitions(
        counted.related, states, level, columns=shares.shape[-1]
      )
    return jnp.log(mass)

  def biases(
    self,
    prompt: Prompt,
    counts: CatalogueCounts,
    states: Sequence[jax.Array],
    codes: jax.Array,
    transitions: Transitions | None = None,
  ) -> list[jax.Array]:
    """Per level `[B, P, C_l]`, of targets `[B, P, L]` that are known.

    Args:
      prompt: the prompts of `B` rows.
      counts: the shares in the catalogue.
      states: per level `[B, P, D]`, before every code; of the first there may
        be any number.
      codes: the targets; the last level is not read.
      transitions: the transitions between the catalogue's IDs.
    """
    counted, found = self.start(prompt, transitions), []
    for level in range(len(self.level_sizes)):
      if level:
        counted = self.step(counted, counts, codes[:, :, level - 1], level - 1)
      found.append(self.bias(counted, counts, states[level], level))
    return found


def _added(mass: jax.Array, columns: jax.Array, weights: jax.Array):
  """`[C]` with weights `[H]` added at columns `[H]`."""
  return mass.at[columns].add(weights, mode="drop")
