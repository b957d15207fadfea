"""A decoder-only generator of semantic IDs, in the Qwen2.5 arrangement.

A prompt of `S` positions is followed by branches: a query position, then the
codes of one target item. All branches of a row read the same prompt and never
each other, so a page of targets costs one prompt, in training as in search.
"""

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
from gr_jax.generators.network import code_head, decode_step, encode, prefill
from gr_jax.generators.priors.count_prior import PriorState
from gr_jax.generators.prompts.prompt_encoder import (
  PromptEncoder,
  SumItems,
)
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.transformer import Transformer, TransformerConfig


@struct.dataclass
class DecodingCache:
  """The cache of a search.

  Attributes:
    branches: keys and values of prompt, query and beams.
    prior: the state of the counts; None without counts.
  """

  branches: BranchCache
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
    self.head = code_head(self)
    # Parameters of the head and of its table lie beside the transformer's.
    nn.share_scope(self, self.head)
    nn.share_scope(self, self.head.table)
    self.transformer = Transformer(self.config, self.dot_general)

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
    L, table = len(self.level_sizes), self.head.table
    branches = table.shifted(table.embed(queries), codes, length=L)
    # After the branches: gradients of a table add up in the order of its uses.
    read = encode(self, prompt)
    _, states = read_branches(self.transformer, read, branches)
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
    read = encode(self, prompt)
    query = self.head.table.embed(queries)[:, None]
    states, branches = read_prompt(self.transformer, read, query)
    log_probs, prior = self.head.first_log_probs(prompt, states[:, -1])
    return log_probs, DecodingCache(branches, prior)

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
    # A finished beam (-1) computes something; the search does not read it.
    x = self.head.table.embed_codes(codes, level - 1)
    states, branches = read_codes(
      self.transformer,
      x,
      parents,
      cache.branches,
      level=level,
      codes=len(self.level_sizes) - 1,
    )
    log_probs, prior = self.head.next_log_probs(
      states, codes, parents, cache.prior, level=level
    )
    return log_probs, DecodingCache(branches, prior)

  # As a `Generator`.
  prefill, decode_step = prefill, decode_step


def build(section: Mapping[str, Any], **parts) -> DecoderOnly:
  """The decoder-only network of a generator section.

  Args:
    section: not read.
    **parts: the attributes of the network.
  """
  del section
  return DecoderOnly(**parts)
