r"""LazyAR: early layers that wait for no code (GR4AD, arXiv 2602.22732).

Of `L` layers the first `K` do not read the code before, so that one pass over
the prompt computes them for all levels, for every beam:

$$ m_t = Early_K(p_t, X), \quad
   h_t = W_f [m_t \odot W_g e(s_{t-1});\ e(s_{t-1})], \quad
   \log P(s_t | s_{<t}, X) = head(Late_{L-K}(h_t, X)) $$

A search then runs `L - K` layers a beam and code instead of `L`: of `L (1 +
(T - 1) B)` evaluations of a layer it leaves `K T + (L - K)(1 + (T - 1) B)`. It
costs little where the first code is the hard one.

The first code has none before it: `p_0` is the query and `h_0 = m_0`, so that
it is read by all layers as in `DecoderOnly` `[OURS]`. The other `p_t` are
learned. Early layers read the prompt and the `p` before, late ones the prompt
as the early layers left it and the `h` before (causal attention, `[OURS]`).
With `K = 0` nothing is fused: it is `DecoderOnly`,
with its parameters.

With `value_buckets` one more position follows the last code, which says what
the item is worth (`objectives/value_aware`): `p_T` is its early input.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.generators.code_head import CodeHead
from gr_jax.generators.lazy_fusion import LazyFusion
from gr_jax.generators.priors.count_prior import PriorState
from gr_jax.generators.prompts.prompt_encoder import (
  EncodedPrompt,
  PromptEncoder,
  SumItems,
)
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.generators.values import predicted_value
from gr_jax.nn.attention import BeamCache, BeamPlace, KeyValues
from gr_jax.nn.attention_mask import branch_mask, causal_mask
from gr_jax.nn.layers import DotGeneral, name_axes
from gr_jax.nn.transformer import Transformer, TransformerConfig


@struct.dataclass
class LazyCache:
  """The cache of a search.

  Attributes:
    prompt: keys and values `[L - K, B, S + 1, K, h]` of prompt and query.
    early: `m` `[B, T, D]` of all positions of an ID; None where `K` is 0.
    own: `[L - K, B, M, T - 1, K, h]`, or None before the first step.
    mask: `[B, S + 1]`.
    prior: the state of the counts; None without counts.
  """

  prompt: KeyValues
  early: jax.Array | None
  own: KeyValues | None
  mask: jax.Array
  prior: PriorState | None = None


class ValueAwareScores(NamedTuple):
  """What the value-aware loss reads.

  Attributes:
    codes: logits `[B, P, C_l]` of every level.
    early: the same of the early states alone; empty where `K` is 0.
    values: logits `[B, P, V]` of the buckets of the value.
  """

  codes: list[jax.Array]
  early: list[jax.Array]
  values: jax.Array


class LazyAR(nn.Module):
  """The decoder above; as a module, itself a `Generator`.

  Attributes:
    config: the sizes of the transformer; `layers` is `L`.
    prompt_size: the number of tokens that are not codes.
    level_sizes: the number of codes per level.
    ends: whether IDs may end early.
    dot_general: the product of every dense layer.
    prompt_encoder: turns the items of a prompt into positions.
    candidate_features: the number of features of a candidate, 0 without.
    early_layers: `K`.
    value_buckets: the number of buckets of the value, 0 without.
  """

  config: TransformerConfig
  prompt_size: int
  level_sizes: tuple[int, ...]
  ends: bool = False
  dot_general: DotGeneral = jax.lax.dot_general
  prompt_encoder: PromptEncoder = SumItems()
  candidate_features: int = 0
  early_layers: int = 0
  value_buckets: int = 0

  def setup(self):
    config, K, D = self.config, self.early_layers, self.config.width
    self.head = CodeHead(
      self.prompt_size,
      self.level_sizes,
      D,
      self.ends,
      self.dot_general,
      self.candidate_features,
    )
    nn.share_scope(self, self.head)
    nn.share_scope(self, self.head.table)
    late = dataclasses.replace(config, layers=config.layers - K)
    self.transformer = Transformer(late, self.dot_general)
    if K:
      early = dataclasses.replace(config, layers=K)
      self.early = Transformer(early, self.dot_general, final_norm=False)
      self.fusion = LazyFusion(D, self.branch_length, self.dot_general)
    if self.value_buckets:
      shape = self.value_buckets, D
      zeros = nn.initializers.zeros
      self.value_embedding = self.param(
        "value_embedding", name_axes(zeros, ("levels", "embed")), shape
      )
      self.value_bias = self.param(
        "value_bias", name_axes(zeros, ("levels",)), shape[:1]
      )

  @property
  def branch_length(self) -> int:
    """`T`, the positions of an ID: its query, and every code that is read."""
    return len(self.level_sizes) + bool(self.value_buckets)

  def encode(self, prompt: Prompt) -> EncodedPrompt:
    """States and mask of a prompt's positions."""
    return self.prompt_encoder(
      prompt, self.head.table.embed, levels=len(self.level_sizes)
    )

  def __call__(
    self, prompt: Prompt, queries: jax.Array, codes: jax.Array
  ) -> list[jax.Array]:
    """Scores of every code of `P` targets that share a prompt.

    Args:
      prompt: the prompts of `B` rows.
      queries: `[B, P, Wq]`.
      codes: the targets `[B, P, L]`; the last level is not read.

    Returns:
      Per level, logits `[B, P, C_l]`, with the column of ends where there is
      one.
    """
    late, _ = self._branches(prompt, queries, codes, len(self.level_sizes))
    return self.head.logits(prompt, late, codes)

  def value_aware(
    self, prompt: Prompt, queries: jax.Array, codes: jax.Array
  ) -> ValueAwareScores:
    """As `__call__`, with the scores that the value-aware loss adds.

    The early ones are those of `h_t = m_t`: no code before is read, nor what
    counts would say of it.
    """
    late, alone = self._branches(
      prompt, queries, codes, self.branch_length, early_too=True
    )
    levels = len(self.level_sizes)
    return ValueAwareScores(
      self.head.logits(prompt, late[:levels], codes),
      [self.head.table.logits(x, l) for l, x in enumerate(alone[:levels])],
      self._values(late[levels]),
    )

  def _branches(
    self,
    prompt: Prompt,
    queries: jax.Array,
    codes: jax.Array,
    length: int,
    *,
    early_too: bool = False,
  ) -> tuple[list[jax.Array], list[jax.Array]]:
    """The last states `[B, P, D]` of each of `length` positions of branches.

    Returns:
      Those of the fused states, and where `early_too` those of the early ones.
    """
    B, P, _ = codes.shape
    table = self.head.table
    inputs = [table.embed(queries)]
    inputs += [table.embed_codes(codes[:, :, l], l) for l in range(length - 1)]
    before = jnp.stack(inputs, axis=2)
    read = self.encode(prompt)
    x, S = read.states, read.mask.shape[1]

    def run(transformer, x, branches):
      count, T = branches.shape[1:3]
      flat = branches.reshape(B, count * T, -1)
      x = jnp.concatenate((x, flat), axis=1)
      places = jnp.concatenate(
        (jnp.arange(S), S + jnp.tile(jnp.arange(T), count))
      )
      there = jnp.pad(read.mask, ((0, 0), (0, count * T)), constant_values=True)
      states, _ = transformer(
        x,
        jnp.broadcast_to(places, x.shape[:2]),
        branch_mask(there, count, T),
      )
      return states[:, :S], states[:, S:].reshape(B, count, T, -1)

    branches = before
    if self.early_layers:
      inputs = self.fusion.early_inputs(before[:, :, 0], length)
      x, early = run(self.early, x, inputs)
      later = self.fusion(early[:, :, 1:], before[:, :, 1:])
      branches = jnp.concatenate((early[:, :, :1], later), axis=2)
      if early_too:
        branches = jnp.concatenate((branches, early), axis=1)
    _, states = run(self.transformer, x, branches)
    found = [states[:, :, t] for t in range(length)]
    alone = found if early_too and self.early_layers else []
    return [x[:, :P] for x in found], [x[:, P:] for x in alone]

  def _values(self, states: jax.Array) -> jax.Array:
    dims = (((states.ndim - 1,), (0,)), ((), ()))
    return (
      self.dot_general(states, self.value_embedding.T, dims) + self.value_bias
    )

  def first_code(
    self, prompt: Prompt, queries: jax.Array
  ) -> tuple[jax.Array, LazyCache]:
    """Log-probabilities `[B, C_0]` of the first code, and the cache.

    Args:
      prompt: the prompts of `B` rows.
      queries: `[B, Wq]`.
    """
    read = self.encode(prompt)
    S = read.mask.shape[1]
    query = self.head.table.embed(queries)

    def run(transformer, x, branch):
      x = jnp.concatenate((x, branch), axis=1)
      positions = jnp.broadcast_to(jnp.arange(x.shape[1]), x.shape[:2])
      missing = ((0, 0), (0, branch.shape[1]))
      mask = jnp.pad(read.mask, missing, constant_values=True)
      states, kept = transformer(x, positions, causal_mask(mask))
      return states, kept, mask

    x, early, branch = read.states, None, query[:, None]
    if self.early_layers:
      inputs = self.fusion.early_inputs(query, self.branch_length)
      states, _, _ = run(self.early, x, inputs)
      x, early = states[:, :S], states[:, S:]
      branch = early[:, :1]
    states, kept, mask = run(self.transformer, x, branch)
    log_probs, prior = self.head.first_log_probs(prompt, states[:, -1])
    return log_probs, LazyCache(kept, early, None, mask, prior)

  def next_code(
    self,
    codes: jax.Array,
    parents: jax.Array,
    cache: LazyCache,
    *,
    level: int,
  ) -> tuple[jax.Array, LazyCache]:
    """Log-probabilities `[B, M, C_level]` of the next code, and the cache.

    Arguments as for `Generator.decode_step`.
    """
    states, own = self._step(codes, parents, cache, level)
    log_probs, prior = self.head.next_log_probs(
      states, codes, parents, cache.prior, level=level
    )
    return log_probs, dataclasses.replace(cache, own=own, prior=prior)

  def next_value(
    self, codes: jax.Array, parents: jax.Array, cache: LazyCache
  ) -> jax.Array:
    """Logits `[B, M, V]` of the value of whole IDs, whose last code is read."""
    states, _ = self._step(codes, parents, cache, len(self.level_sizes))
    return self._values(states)

  def _step(
    self, codes: jax.Array, parents: jax.Array, cache: LazyCache, level: int
  ) -> tuple[jax.Array, KeyValues]:
    """The states `[B, M, D]` after one more code, and the beams' own past."""
    B, M = codes.shape
    if cache.own is None:
      layers, _, _, K, h = cache.prompt.keys.shape
      shape = (layers, B, M, self.branch_length - 1, K, h)
      past = KeyValues(jnp.zeros(shape), jnp.zeros(shape))
    else:
      index = parents[None, :, :, None, None, None]
      past = jax.tree.map(
        lambda x: jnp.take_along_axis(x, index, axis=2), cache.own
      )
    # A finished beam (-1) computes something; the search does not read it.
    x = self.head.table.embed_codes(codes, level - 1)
    if cache.early is not None:
      x = self.fusion(cache.early[:, level, None], x)
    first = cache.mask.shape[1]
    return self.transformer(
      x,
      jnp.full((B, M), first + level - 1),
      BeamPlace(cache.mask, slot=level - 1),
      BeamCache(KeyValues(cache.prompt.keys, cache.prompt.values), past),
    )

  def value(
    self, codes: jax.Array, parents: jax.Array, cache: LazyCache
  ) -> jax.Array:
    """Mean values `[B, M]` of whole IDs, as `next_value`.

    Variables then hold those of `generators/values`.
    """
    names = ("means", "scale", "power")
    values = {name: self.get_variable("values", name) for name in names}
    return predicted_value(self.next_value(codes, parents, cache), values)

  @nn.nowrap
  def prefill(
    self, variables: Any, prompt: tuple[Prompt, jax.Array]
  ) -> tuple[jax.Array, LazyCache]:
    """`first_code` of prompts and queries, as a pure function."""
    return nn.apply(LazyAR.first_code, self)(variables, *prompt)

  @nn.nowrap
  def predict_value(
    self, variables: Any, codes, parents, cache: LazyCache
  ) -> jax.Array:
    """`value`, as a pure function."""
    step = nn.apply(LazyAR.value, self)
    return step(variables, codes, parents, cache)

  @nn.nowrap
  def decode_step(
    self, variables: Any, codes, parents, cache: LazyCache, *, level: int
  ) -> tuple[jax.Array, LazyCache]:
    """`next_code`, as a pure function."""
    step = nn.apply(LazyAR.next_code, self)
    return step(variables, codes, parents, cache, level=level)


def build(
  section: Mapping[str, Any], *, config: TransformerConfig, **parts
) -> LazyAR:
  """The network of a generator section.

  Args:
    section: has `early_layers`; it may have `value` with `buckets`.
    config: the sizes of the transformer.
    **parts: the other attributes that all networks have.

  Raises:
    ValueError: no layer would read the code before.
  """
  early = section["early_layers"]
  if not 0 <= early < config.layers:
    raise ValueError(
      f"generator.early_layers is {early} of {config.layers} layers: give 0 to "
      f"{config.layers - 1}, so that a late layer reads the code before."
    )
  buckets = section.get("value", {}).get("buckets", 0)
  return LazyAR(config, early_layers=early, value_buckets=buckets, **parts)
