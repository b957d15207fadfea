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
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.generators.pretrained.decoder import CausalDecoder, text_positions
from gr_jax.nn.attention import BeamCache, BeamPlace, KeyValues
from gr_jax.nn.attention_mask import branch_mask


@struct.dataclass
class TextPrompt:
  """Texts of fixed lengths; padding may stand anywhere.

  Attributes:
    tokens: `[B, S]`, shared by all branches of a row.
    mask: `[B, S]`, True = a token.
    queries: `[B, P, Q]`, before the codes of each branch; one in a search.
    query_mask: `[B, P, Q]`. A row needs a token at least in prompt or query.
  """

  tokens: jax.Array
  mask: jax.Array
  queries: jax.Array
  query_mask: jax.Array


@struct.dataclass
class TextCache:
  """The cache of a search.

  Attributes:
    prompt: keys and values `[layers, B, S + Q, K, h]`.
    own: `[layers, B, M, L - 1, K, h]`, or None before the first step.
    mask: `[B, S + Q]`.
    lengths: `[B]`, tokens before the codes.
  """

  prompt: KeyValues
  own: KeyValues | None
  mask: jax.Array
  lengths: jax.Array


@dataclasses.dataclass(frozen=True)
class TextToCodes:
  """A `decoding.Generator` of the codes that are a decoder's new tokens.

  Its variables are those of the decoder.

  Attributes:
    decoder: whose new tokens are the codes, level by level, then `<end>`.
    level_sizes: the number of codes per level.
    ends: whether IDs may end early.
  """

  decoder: CausalDecoder
  level_sizes: tuple[int, ...]
  ends: bool = False

  def __post_init__(self):
    found = self.decoder.new.count if self.decoder.new else 0
    needed = sum(self.level_sizes) + self.ends
    if found != needed:
      raise ValueError(
        f"the IDs have {needed} codes; the decoder has {found} new tokens."
      )

  def code_logits(
    self, variables: Any, prompt: TextPrompt, codes: jax.Array
  ) -> list[jax.Array]:
    """Scores of every code of the targets of all branches, for training.

    Args:
      variables: the decoder's.
      prompt: the prompts of `B` rows with `P` branches.
      codes: `[B, P, L]`, -1 after an early end; the last level is not read.

    Returns:
      Per level, logits `[B, P, C_l]`, with the column of ends where there is
      one.
    """
    B, P, Q = prompt.queries.shape
    S, L = prompt.tokens.shape[1], len(self.level_sizes)
    T = Q + L - 1
    read = [self._tokens(codes[:, :, l], l)[..., None] for l in range(L - 1)]
    tokens = jnp.concatenate((prompt.queries, *read), axis=2)
    there = jnp.pad(
      prompt.query_mask, ((0, 0), (0, 0), (0, L - 1)), constant_values=True
    )
    before = prompt.mask.sum(axis=1)
    after = before[:, None, None] + jnp.maximum(jnp.cumsum(there, -1) - 1, 0)
    flat = [x.reshape(B, P * T) for x in (tokens, after, there)]
    keys = jnp.concatenate((prompt.mask, flat[2]), axis=1)
    states, _ = nn.apply(CausalDecoder.go_on, self.decoder)(
      variables,
      jnp.concatenate((prompt.tokens, flat[0]), axis=1),
      jnp.concatenate((text_positions(prompt.mask), flat[1]), axis=1),
      branch_mask(keys, P, T),
      None,
    )
    branches = S + T * jnp.arange(P)
    # An empty query leaves the first code to the prompt's last token.
    first = jnp.where(
      prompt.query_mask.any(axis=-1),
      branches + _last(prompt.query_mask),
      _last(prompt.mask)[:, None],
    )
    places = [first] + [
      jnp.broadcast_to(branches + Q + l, (B, P)) for l in range(L - 1)
    ]
    return [
      self._logits(
        variables, jnp.take_along_axis(states, place[..., None], axis=1), level
      )
      for level, place in enumerate(places)
    ]

  def prefill(
    self, variables: Any, prompt: TextPrompt
  ) -> tuple[jax.Array, TextCache]:
    """Log-probabilities `[B, C_0]` of the first code; one branch a row."""
    tokens = jnp.concatenate((prompt.tokens, prompt.queries[:, 0]), axis=1)
    mask = jnp.concatenate((prompt.mask, prompt.query_mask[:, 0]), axis=1)
    states, kept = nn.apply(CausalDecoder.read, self.decoder)(
      variables, tokens, mask
    )
    last = jnp.take_along_axis(states, _last(mask)[:, None, None], axis=1)
    logits = self._logits(variables, last[:, 0], 0)
    cache = TextCache(kept, None, mask, mask.sum(axis=1))
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
    B, M = codes.shape
    if cache.own is None:
      layers, _, _, K, h = cache.prompt.keys.shape
      shape = (layers, B, M, len(self.level_sizes) - 1, K, h)
      empty = jnp.zeros(shape, cache.prompt.keys.dtype)
      own = KeyValues(empty, empty)
    else:
      index = parents[None, :, :, None, None, None]
      own = jax.tree.map(
        lambda x: jnp.take_along_axis(x, index, axis=2), cache.own
      )
    states, own = nn.apply(CausalDecoder.go_on, self.decoder)(
      variables,
      self._tokens(codes, level - 1),
      jnp.broadcast_to(cache.lengths[:, None] + level - 1, (B, M)),
      BeamPlace(cache.mask, slot=level - 1),
      BeamCache(cache.prompt, own),
    )
    logits = self._logits(variables, states, level)
    return jax.nn.log_softmax(logits), dataclasses.replace(cache, own=own)

  @property
  def _offsets(self) -> list[int]:
    """The first code of each level among the new tokens, and their end."""
    return list(itertools.accumulate(self.level_sizes, initial=0))

  def _tokens(self, codes: jax.Array, level: int) -> jax.Array:
    """Tokens of the codes of a level; after an end any, which nobody reads."""
    assert self.decoder.new is not None
    return self.decoder.new.first + self._offsets[level] + jnp.maximum(codes, 0)

  def _logits(self, variables: Any, states: jax.Array, level: int) -> jax.Array:
    score = nn.apply(CausalDecoder.new_logits, self.decoder)
    first, stop = self._offsets[level : level + 2]
    found = score(variables, states, first, stop)
    if self.ends and level:
      end = self._offsets[-1]
      column = score(variables, states, end, end + 1)
      found = jnp.concatenate((found, column), axis=-1)
    return found


def _last(mask: jax.Array) -> jax.Array:
  """`[...]`: the place of the last True of a mask `[..., T]`."""
  return mask.shape[-1] - 1 - jnp.argmax(mask[..., ::-1], axis=-1)
