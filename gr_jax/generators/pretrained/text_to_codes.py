"""A pretrained decoder as a generator of semantic IDs over prompts of text.

A prompt of `S` tokens is followed by branches: a text of `Q` tokens, then the
codes of one ID. All branches of a row read the same prompt and never each
other, as those of `decoder_only`: a page costs one prompt, in training as in
search. Texts may hold codes, which are tokens as words are.

Code `c` of level `l` is scored among the codes of its level alone,

  p(c | text, codes before) = softmax_c(s · e_c),    c in level l,

with the state `s` of the token before. Where IDs may end early, one more column
after the first level, the last, is the token `<end>`.
"""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.generators.branches import BranchCache
from gr_jax.generators.pretrained.decoder import CausalDecoder, text_positions
from gr_jax.generators.pretrained.frozen import initialized
from gr_jax.generators.pretrained.text_prompt import TextPrompt
from gr_jax.nn.attention import BeamPlace
from gr_jax.nn.attention_mask import AttentionMask, branch_mask
from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.lora import in_one
from gr_jax.nn.transformer import TransformerConfig


@struct.dataclass
class TextCache:
  """The cache of a search.

  Attributes:
    branches: keys and values of prompt, query and beams.
    lengths: `[B]`, the number of tokens before the codes.
  """

  branches: BranchCache
  lengths: jax.Array


@dataclasses.dataclass(frozen=True)
class TextToCodes:
  """A `Network` (`generators/network`) whose codes are new tokens of a decoder.

  Its variables are those of the decoder, in one collection or two (`frozen`).

  Attributes:
    decoder: the language model; its new tokens are the codes, level by level,
      then `<end>`, then the page's end.
    level_sizes: the number of codes per level.
    ends: whether IDs may end early.
    page_ends: 1 where whole pages are learned, else 0.
  """

  decoder: CausalDecoder
  level_sizes: tuple[int, ...]
  ends: bool = False
  page_ends: int = 0

  def __post_init__(self):
    found = self.decoder.new.count if self.decoder.new else 0
    needed = sum(self.level_sizes) + self.ends + self.page_ends
    if found != needed:
      raise ValueError(
        f"the IDs have {needed} codes; the decoder has {found} new tokens."
      )

  @property
  def config(self) -> TransformerConfig:
    """The sizes of the blocks."""
    return self.decoder.config

  @property
  def prompt_size(self) -> int:
    """The number of tokens that are no codes."""
    assert self.decoder.new is not None
    return self.decoder.new.first

  @property
  def dot_general(self) -> DotGeneral:
    """The product of every dense layer."""
    return self.decoder.dot_general

  @property
  def candidate_features(self) -> int:
    """None: see `TextPrompt.candidates`."""
    return 0

  def initializer(self, fixed: Mapping[str, Any]) -> Callable[[jax.Array], Any]:
    """The function from a key to random parameters `{"params": ...}`, boxed.

    Args:
      fixed: not read: parameters do not depend on what stands still.
    """
    del fixed
    return lambda key: {"params": initialized(self.decoder, key)["params"]}

  def apply(
    self,
    variables: Mapping[str, Any],
    *args: Any,
    method: Callable | None = None,
    rngs: Mapping[str, jax.Array] | None = None,
    **kwargs: Any,
  ) -> Any:
    """`code_logits`, or another function of generator, variables and inputs.

    As `nn.Module.apply`, so that losses need not know which they train. Nothing
    is dropped out: `rngs` are not read.
    """
    del rngs
    run = method or TextToCodes.code_logits
    return run(self, in_one(variables), *args, **kwargs)

  def code_logits(
    self,
    variables: Any,
    prompt: TextPrompt,
    queries: jax.Array,
    codes: jax.Array,
  ) -> list[jax.Array]:
    """Scores of every code of the targets of all branches, for training.

    Args:
      variables: the decoder's.
      prompt: the prompts of `B` rows.
      queries: `[B, P, Q]` tokens before the codes of each branch, -1 = none.
      codes: `[B, P, L]`, -1 after an early end; the last level is not read.

    Returns:
      Per level, logits `[B, P, C_l]`, with the column of ends where there is
      one.
    """
    B, P, Q = queries.shape
    S, L = prompt.tokens.shape[1], len(self.level_sizes)
    T = Q + L - 1
    read = [self.tokens(codes[:, :, l], l)[..., None] for l in range(L - 1)]
    tokens = jnp.concatenate((queries, *read), axis=2)
    there = jnp.pad(
      queries >= 0, ((0, 0), (0, 0), (0, L - 1)), constant_values=True
    )
    before = prompt.mask.sum(axis=1)
    after = before[:, None, None] + jnp.maximum(jnp.cumsum(there, -1) - 1, 0)
    flat = [x.reshape(B, P * T) for x in (tokens, after, there)]
    keys = jnp.concatenate((prompt.mask, flat[2]), axis=1)
    states = self.states(
      variables, prompt, flat[0], flat[1], branch_mask(keys, P, T)
    )
    branches = S + T * jnp.arange(P)
    # An empty query leaves the first code to the prompt's last token.
    first = jnp.where(
      (queries >= 0).any(axis=-1),
      branches + last_place(queries >= 0),
      last_place(prompt.mask)[:, None],
    )
    places = [first] + [
      jnp.broadcast_to(branches + Q + l, (B, P)) for l in range(L - 1)
    ]
    return [
      self.level_logits(
        variables, jnp.take_along_axis(states, place[..., None], axis=1), level
      )
      for level, place in enumerate(places)
    ]

  def states(
    self,
    variables: Any,
    prompt: TextPrompt,
    tokens: jax.Array,
    positions: jax.Array,
    mask: AttentionMask,
  ) -> jax.Array:
    """States `[B, S + T, D]` of prompts and of what follows them.

    Args:
      variables: the decoder's.
      prompt: the prompts of `B` rows.
      tokens: `[B, T]`.
      positions: `[B, T]`.
      mask: who reads whom, of all `S + T`.
    """
    states, _ = nn.apply(CausalDecoder.go_on, self.decoder)(
      variables,
      jnp.maximum(jnp.concatenate((prompt.tokens, tokens), axis=1), 0),
      jnp.concatenate((text_positions(prompt.mask), positions), axis=1),
      mask,
      None,
    )
    return states

  def prefill(
    self, variables: Any, prompt: tuple[TextPrompt, jax.Array]
  ) -> tuple[jax.Array, TextCache]:
    """Log-probabilities `[B, C_0]` of the first code.

    Args:
      variables: as for `apply`.
      prompt: the prompts, and queries `[B, Q]`, -1 = none.
    """
    variables = in_one(variables)
    tokens = jnp.concatenate((prompt[0].tokens, prompt[1]), axis=1)
    mask = tokens >= 0
    states, kept = nn.apply(CausalDecoder.read, self.decoder)(
      variables, jnp.maximum(tokens, 0), mask
    )
    last = jnp.take_along_axis(states, last_place(mask)[:, None, None], axis=1)
    logits = self.level_logits(variables, last[:, 0], 0)
    cache = TextCache(BranchCache(kept, None, mask), mask.sum(axis=1))
    return jax.nn.log_softmax(logits), cache

  def decode_step(
    self,
    variables: Any,
    codes: jax.Array,
    parents: jax.Array,
    cache: TextCache,
    *,
    level: int,
  ) -> tuple[jax.Array, TextCache]:
    """Log-probabilities `[B, M, C_level]`; see `Generator.decode_step`."""
    variables = in_one(variables)
    before = cache.branches
    states, own = nn.apply(CausalDecoder.go_on, self.decoder)(
      variables,
      self.tokens(codes, level - 1),
      jnp.broadcast_to(cache.lengths[:, None] + level - 1, codes.shape),
      BeamPlace(before.mask, slot=level - 1),
      before.of_beams(parents, codes=len(self.level_sizes) - 1),
    )
    logits = self.level_logits(variables, states, level)
    branches = dataclasses.replace(before, own=own)
    return jax.nn.log_softmax(logits), TextCache(branches, cache.lengths)

  @property
  def _offsets(self) -> list[int]:
    """The first code of each level among the new tokens, and their end."""
    return list(itertools.accumulate(self.level_sizes, initial=0))

  def tokens(self, codes: jax.Array, level: int) -> jax.Array:
    """Tokens of the codes of a level; of -1 the end, where there is one."""
    assert self.decoder.new is not None
    offsets = self._offsets
    end = offsets[-1] if self.ends else offsets[level]
    place = jnp.where(codes < 0, end, offsets[level] + codes)
    return self.decoder.new.first + place

  def level_logits(
    self, variables: Any, states: jax.Array, level: int
  ) -> jax.Array:
    """Scores `[..., C_l]` of a level's codes, and of the end if it has one."""
    score = nn.apply(CausalDecoder.new_logits, self.decoder)
    first, stop = self._offsets[level : level + 2]
    found = score(variables, states, first, stop)
    if self.ends and level:
      end = self._offsets[-1]
      column = score(variables, states, end, end + 1)
      found = jnp.concatenate((found, column), axis=-1)
    return found


def last_place(mask: jax.Array) -> jax.Array:
  """`[...]`: the place of the last True of a mask `[..., T]`."""
  return mask.shape[-1] - 1 - jnp.argmax(mask[..., ::-1], axis=-1)
