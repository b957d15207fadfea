"""How the items of a prompt become positions that the transformer reads.

`PromptWriter` says what is known of each item: its codes, how long ago it was
bought, how often. An prompt_encoder, a part of the model, decides how many
positions that takes; what is decoded after the prompt does not depend on it.

  SumItems  one position an item, the sum of all its tokens (below)
  FlattenItems  one for each code and a separator (`prompt_tokens`)
  MergeItems   one for all codes and a separator (`token_merger`)
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.generators.prompts.writer import Prompt

# Sums the embeddings of `[..., W]` tokens, -1 = none: `[..., D]`.
Embed = Callable[[jax.Array], jax.Array]


class EncodedPrompt(NamedTuple):
  """A prompt as the transformer reads it.

  Attributes:
    states: `[B, S, D]`; position ids are 0 .. S - 1.
    mask: `[B, S]`, True where a position says something.
  """

  states: jax.Array
  mask: jax.Array


class PromptEncoder(Protocol):
  """A Linen module that arranges prompts."""

  def __call__(
    self, prompt: Prompt, embed: Embed, *, levels: int
  ) -> EncodedPrompt:
    """Positions of a prompt whose items have `levels` codes."""

  def length(self, *, items: int, levels: int) -> int:
    """`S` of a prompt with room for so many items."""


class SumItems(nn.Module):
  """`h_v = sum of e(t) over codes, age and count`: `S = 1 + n`.

  Nothing is learned but the embeddings. Our design.
  """

  def __call__(
    self, prompt: Prompt, embed: Embed, *, levels: int
  ) -> EncodedPrompt:
    del levels
    states = (embed(prompt.profile), embed(prompt.history))
    return EncodedPrompt(jnp.concatenate(states, axis=1), prompt.mask)

  def length(self, *, items: int, levels: int) -> int:
    del levels
    return 1 + items
