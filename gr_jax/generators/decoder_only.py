"""A decoder-only generator of semantic IDs, in the Qwen2.5 arrangement.

A prompt of `S` positions is followed by branches: a query position, then the
codes of one target item. All branches of a row read the same prompt and never
each other, so a page of targets costs one prompt, in training as in search.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.generators.code_head import CodeHead
from gr_jax.generators.priors.count_prior import PriorState
from gr_jax.generators.prompts.prompt_encoder import (
  EncodedPrompt,
  PromptEncoder,
  SumItems,
)
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.attention import BeamCache, BeamPlace, KeyValues
from gr_jax.nn.attention_mask import branch_mask, causal_mask
from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.transformer import Transformer, TransformerConfig


@struct.dataclass
class DecodingCache:
  """The cache of a decoder-only generator.

  Attributes:
    prompt: keys and values `[layers, B, S + 1, K, h]` of prompt and query.
    own: `[layers, B, M, L - 1, K, h]`, or None before the first step.
    mask: `[B, S + 1]`.
    prior: the state of the counts; None without counts.
  """

  prompt: KeyValues
  own: KeyValues | None
  mask: jax.Array
  prior: PriorState | None = None


class DecoderOnly(nn.Module):
  """A decoder over prompt and codes; as a module, itself a `Generator`.

  Attributes:
    config: the sizes of the transformer.
    prompt_size: the number of tokens that are not codes.
    level_sizes: the number of codes per level.
    ends: whether IDs may end early.
    dot_general: the product of every dense layer.
    prompt_encoder: turns the items of a prompt into positions.
    candidate_features: the number of features of a candidate, 0 without.
  """

  config: TransformerConfig
  prompt_size: int
  level_sizes: tuple[int, ...]
  ends: bool = False
  dot_general: DotGeneral = jax.lax.dot_general
  prompt_encoder: PromptEncoder = SumItems()
  candidate_features: int = 0

  def setup(self):
    self.head = CodeHead(
      self.prompt_size,
      self.level_sizes,
      self.config.width,
      self.ends,
      self.dot_general,
      self.candidate_features,
    )
    # Parameters of the head and of its table lie beside the transformer's.
    nn.share_scope(self, self.head)
    nn.share_scope(self, self.head.table)
    self.transformer = Transformer(self.config, self.dot_general)

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
    B, P, L = codes.shape
    table = self.head.table
    inputs = [table.embed(queries)]
    inputs += [table.embed_codes(codes[:, :, l], l) for l in range(L - 1)]
    branches = jnp.stack(inputs, axis=2).reshape(B, P * L, -1)
    # After the branches: gradients of a table add up in the order of its uses.
    read = self.encode(prompt)
    S = read.mask.shape[1]
    x = jnp.concatenate((read.states, branches), axis=1)
    positions = jnp.concatenate((jnp.arange(S), S + jnp.tile(jnp.arange(L), P)))
    there = jnp.pad(read.mask, ((0, 0), (0, P * L)), constant_values=True)
    states, _ = self.transformer(
      x,
      jnp.broadcast_to(positions, x.shape[:2]),
      branch_mask(there, P, L),
    )
    states = states[:, S:].reshape(B, P, L, -1)
    levels = [states[:, :, l] for l in range(L)]
    return self.head.logits(prompt, levels, codes)

  def first_code(
    self, prompt: Prompt, queries: jax.Array
  ) -> tuple[jax.Array, DecodingCache]:
    """Log-probabilities `[B, C_0]` of the first code, and the cache.

    Args:
      prompt: the prompts of `B` rows.
      queries: `[B, Wq]`.
    """
    read = self.encode(prompt)
    B, S = read.mask.shape
    query = self.head.table.embed(queries)[:, None]
    x = jnp.concatenate((read.states, query), axis=1)
    positions = jnp.broadcast_to(jnp.arange(S + 1), (B, S + 1))
    mask = jnp.pad(read.mask, ((0, 0), (0, 1)), constant_values=True)
    states, kept = self.transformer(x, positions, causal_mask(mask))
    log_probs, prior = self.head.first_log_probs(prompt, states[:, -1])
    return log_probs, DecodingCache(kept, None, mask, prior)

  def next_code(
    self,
    codes: jax.Array,
    parents: jax.Array,
    cache: DecodingCache,
    *,
    level: int,
  ) -> tuple[jax.Array, DecodingCache]:
    """Log-probabilities `[B, M, C_level]` of the next code, and the cache.

    Arguments as for `Generator.decode_step`.
    """
    B, M = codes.shape
    if cache.own is None:
      layers, _, _, K, h = cache.prompt.keys.shape
      shape = (layers, B, M, len(self.level_sizes) - 1, K, h)
      own = KeyValues(jnp.zeros(shape), jnp.zeros(shape))
    else:
      index = parents[None, :, :, None, None, None]
      own = jax.tree.map(
        lambda x: jnp.take_along_axis(x, index, axis=2), cache.own
      )
    # A finished beam (-1) computes something; the search does not read it.
    x = self.head.table.embed_codes(codes, level - 1)
    first = cache.mask.shape[1]
    states, own = self.transformer(
      x,
      jnp.full((B, M), first + level - 1),
      BeamPlace(cache.mask, slot=level - 1),
      BeamCache(KeyValues(cache.prompt.keys, cache.prompt.values), own),
    )
    log_probs, prior = self.head.next_log_probs(
      states, codes, parents, cache.prior, level=level
    )
    return log_probs, dataclasses.replace(cache, own=own, prior=prior)

  @nn.nowrap
  def prefill(
    self, variables: Any, prompt: tuple[Prompt, jax.Array]
  ) -> tuple[jax.Array, DecodingCache]:
    """`first_code` of prompts and queries, as a pure function."""
    return nn.apply(DecoderOnly.first_code, self)(variables, *prompt)

  @nn.nowrap
  def decode_step(
    self, variables: Any, codes, parents, cache: DecodingCache, *, level: int
  ) -> tuple[jax.Array, DecodingCache]:
    """`next_code`, as a pure function."""
    step = nn.apply(DecoderOnly.next_code, self)
    return step(variables, codes, parents, cache, level=level)


def build(section: Mapping[str, Any], **parts) -> DecoderOnly:
  """The decoder-only network of a generator section.

  Args:
    section: not read.
    **parts: the attributes of the network.
  """
  del section
  return DecoderOnly(**parts)
