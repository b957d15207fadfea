r"""LazyAR: early layers that wait for no code (GR4AD, arXiv 2602.22732).

Of `L` layers the first `K` do not read the code before, so that one pass over
the prompt computes them for all levels, for every beam:

$$ m_t = Early_K(p_t, X), \quad
   h_t = W_f [m_t \odot W_g e(s_{t-1});\ e(s_{t-1})], \quad
   \log P(s_t | s_{<t}, X) = head(Late_{L-K}(h_t, X)) $$

A search with `M` beams then runs `L - K` layers a beam and code instead of `L`:
of `L (1 + (T - 1) M)` evaluations of a layer it leaves `K T + (L - K)(1 + (T -
1) M)`. It costs little where the first code is the hard one.

The first code has none before it: `p_0` is the query and `h_0 = m_0`, so that
it is read by all layers as in `DecoderOnly` `[OURS]`. The other `p_t` are
learned. Early layers read the prompt and the `p` before, late ones the prompt
as the early layers left it and the `h` before (causal attention, `[OURS]`).
With `K = 0` nothing is fused: it is `DecoderOnly`, with its parameters.

With `value_buckets` one more position follows the last code, which says what
the item is worth (`objectives/value_aware`): `p_T` is its early input.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn
from flax import struct

from gr_jax.generators.branches import (
  BranchCache,
  read_branches,
  read_codes,
  read_prompt,
)
from gr_jax.generators.early_layers import EarlyLayers
from gr_jax.generators.network import (
  code_head,
  decode_step,
  encode,
  predict_value,
  prefill,
)
from gr_jax.generators.priors.count_prior import PriorState
from gr_jax.generators.prompts.prompt_encoder import (
  EncodedPrompt,
  PromptEncoder,
  SumItems,
)
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.generators.values import predicted_value
from gr_jax.nn.layers import DotGeneral, name_axes
from gr_jax.nn.transformer import Transformer, TransformerConfig


@struct.dataclass
class LazyCache:
  """The cache of a search.

  Attributes:
    branches: keys and values of the late layers: prompt, query and beams.
    early: `m` `[B, T, D]` of all positions of an ID; None where `K` is 0.
    prior: the state of the counts; None without counts.
  """

  branches: BranchCache
  early: jax.Array | None
  prior: PriorState | None = None


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

  Raises:
    ValueError: no layer would read the code before, or there is one bucket.
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

  def __post_init__(self):
    super().__post_init__()
    K, layers = self.early_layers, self.config.layers
    if not 0 <= K < layers:
      raise ValueError(
        f"early_layers is {K} of {layers} layers: give 0 to {layers - 1}, so "
        "that a late layer reads the code before."
      )
    if self.value_buckets < 0 or self.value_buckets == 1:
      raise ValueError(
        f"value_buckets is {self.value_buckets}: give at least 2, or 0 to "
        "predict no values."
      )

  def setup(self):
    config, K, D = self.config, self.early_layers, self.config.width
    self.head = code_head(self)
    # Parameters of the head and of its table lie beside the layers'.
    nn.share_scope(self, self.head)
    nn.share_scope(self, self.head.table)
    late = dataclasses.replace(config, layers=config.layers - K)
    self.transformer = Transformer(late, self.dot_general)
    if K:
      self.lazy = EarlyLayers(
        dataclasses.replace(config, layers=K),
        self.branch_length,
        self.dot_general,
      )
      nn.share_scope(self, self.lazy)
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
    L = len(self.level_sizes)
    read, _, branches = self.late_inputs(prompt, queries, codes, length=L)
    _, states = read_branches(self.transformer, read, branches)
    levels = [states[:, :, l] for l in range(L)]
    return self.head.logits(prompt, levels, codes)

  def late_inputs(
    self,
    prompt: Prompt,
    queries: jax.Array,
    codes: jax.Array,
    *,
    length: int,
  ) -> tuple[EncodedPrompt, jax.Array | None, jax.Array]:
    """What late layers read of `P` targets, and the early states.

    Args:
      prompt: the prompts of `B` rows.
      queries: `[B, P, Wq]`.
      codes: the targets `[B, P, L]`.
      length: the number of positions of a target, at most `T`.

    Returns:
      The prompt; `m` `[B, P, length, D]`, None where `K` is 0; `h` of the same
      shape.
    """
    table = self.head.table
    branches = table.shifted(table.embed(queries), codes, length=length)
    # After the branches: gradients of a table add up in the order of its uses.
    read = encode(self, prompt)
    if not self.early_layers:
      return read, None, branches
    return self.lazy.branches(read, branches)

  def value_logits(self, states: jax.Array) -> jax.Array:
    """Scores `[..., V]` of the value's buckets for states `[..., D]`."""
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
    read, early = encode(self, prompt), None
    branch = self.head.table.embed(queries)[:, None]
    if self.early_layers:
      read, early = self.lazy.prompt(read, branch[:, 0])
      branch = early[:, :1]
    states, branches = read_prompt(self.transformer, read, branch)
    log_probs, prior = self.head.first_log_probs(prompt, states[:, -1])
    return log_probs, LazyCache(branches, early, prior)

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
    states, branches = self._step(codes, parents, cache, level)
    log_probs, prior = self.head.next_log_probs(
      states, codes, parents, cache.prior, level=level
    )
    return log_probs, LazyCache(branches, cache.early, prior)

  def next_value(
    self, codes: jax.Array, parents: jax.Array, cache: LazyCache
  ) -> jax.Array:
    """Mean values `[B, M]` of whole IDs, whose last code is read.

    Variables then hold those of `generators/values`.

    Raises:
      ValueError: they are not there.
    """
    names = ("means", "scale", "power")
    values = {name: self.get_variable("values", name) for name in names}
    if values["means"] is None:
      raise ValueError(
        'the variables have no {"values": ...}: add those of `value_variables`.'
      )
    states, _ = self._step(codes, parents, cache, len(self.level_sizes))
    return predicted_value(self.value_logits(states), values)

  def _step(
    self, codes: jax.Array, parents: jax.Array, cache: LazyCache, level: int
  ) -> tuple[jax.Array, BranchCache]:
    """The states `[B, M, D]` after one more code, and the cache of branches."""
    # A finished beam (-1) computes something; the search does not read it.
    x = self.head.table.embed_codes(codes, level - 1)
    if cache.early is not None:
      x = self.lazy.code(cache.early, x, level)
    return read_codes(
      self.transformer,
      x,
      parents,
      cache.branches,
      level=level,
      codes=self.branch_length - 1,
    )

  # As a `ValuedGenerator`.
  prefill, decode_step, predict_value = prefill, decode_step, predict_value


def build(
  section: Mapping[str, Any], *, config: TransformerConfig, **parts
) -> LazyAR:
  """The network of a generator section.

  Args:
    section: has `early_layers`; it may have `value` with `buckets`.
    config: the sizes of the transformer.
    **parts: the other attributes that all networks have.
  """
  return LazyAR(
    config,
    early_layers=section["early_layers"],
    value_buckets=section.get("value", {}).get("buckets", 0),
    **parts,
  )
