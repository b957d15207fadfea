"""Prompt encoders turn the items of a prompt into positions of a transformer.

`PromptWriter` writes the tokens of each item: its codes, how long ago it was
bought, how often. A prompt encoder, a part of the model, decides how many
positions they take; what is decoded after the prompt does not depend on it.

  SumItems      one position an item, the sum of all its tokens
  FlattenItems  one for each code and a separator, as the papers write prompts
  MergeItems    one for all codes and a separator (GenRec, arXiv 2604.14878)

Prompts are long and answers short, so only prompts are shortened: what is
decoded keeps its `L` tokens an item, its scores and its cache.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.layers import DotGeneral, Linear, name_axes

# Sums the embeddings of `[..., W]` tokens, -1 = none: `[..., D]`.
Embed = Callable[[jax.Array | np.ndarray], jax.Array]


class EncodedPrompt(NamedTuple):
  """A prompt as the transformer reads it.

  Attributes:
    states: `[B, S, D]`; position ids are 0 .. S - 1.
    mask: `[B, S]`, True where a position says something.
  """

  states: jax.Array
  mask: jax.Array


class PromptEncoder(Protocol):
  """A Linen module that encodes prompts."""

  def __call__(
    self, prompt: Prompt, embed: Embed, *, levels: int
  ) -> EncodedPrompt:
    """Positions of a prompt whose items have `levels` codes."""
    ...

  def length(self, *, items: int, levels: int) -> int:
    """`S` of a prompt with room for so many items."""
    ...


class SumItems(nn.Module):
  """`h_v = sum of e(t) over codes, age and count`: `S = 1 + n`.

  Nothing is learned but the embeddings `[OURS]`.
  """

  def __call__(
    self, prompt: Prompt, embed: Embed, *, levels: int
  ) -> EncodedPrompt:
    del levels
    states = (embed(prompt.profile), embed(prompt.history))
    mask = jnp.asarray(prompt.mask)
    return EncodedPrompt(jnp.concatenate(states, axis=1), mask)

  def length(self, *, items: int, levels: int) -> int:
    del levels
    return 1 + items


def _separator(module: nn.Module, width: int) -> jax.Array:
  return module.param(
    "separator",
    name_axes(nn.initializers.normal(0.02), ("norm",)),
    (width,),
  )


class FlattenItems(nn.Module):
  """`e(s_1), ..., e(s_L), separator` an item: `S = 1 + (L + 1) n`.

  GenRec's prompt before its tokens are merged (arXiv 2604.14878). The separator
  also says how long ago the item was bought and how often `[OURS]`:
  `e_sep + e(age) + e(count)`. Codes that an ID does not have are masked.
  """

  @nn.compact
  def __call__(
    self, prompt: Prompt, embed: Embed, *, levels: int
  ) -> EncodedPrompt:
    profile = embed(prompt.profile)
    rows, items, _ = prompt.history.shape
    codes = prompt.history[..., :levels]
    separators = _separator(self, profile.shape[-1]) + embed(
      prompt.history[..., levels:]
    )
    states = jnp.concatenate(
      (embed(codes[..., None]), separators[:, :, None]), axis=2
    )
    kept = prompt.mask[:, 1:, None]
    mask = jnp.concatenate((kept & (codes >= 0), kept), axis=2)
    flat = items * (levels + 1)
    return EncodedPrompt(
      jnp.concatenate((profile, states.reshape(rows, flat, -1)), axis=1),
      jnp.concatenate((prompt.mask[:, :1], mask.reshape(rows, flat)), axis=1),
    )

  def length(self, *, items: int, levels: int) -> int:
    return 1 + (levels + 1) * items


def sum_of_tokens(key: jax.Array, shape: tuple[int, int], dtype) -> jax.Array:
  """`[I; I; ...]`: the map `[L D, D]` that adds `L` tokens up."""
  del key
  width = shape[1]
  return jnp.tile(jnp.eye(width, dtype=dtype), (shape[0] // width, 1))


class MergeItems(nn.Module):
  """`h_v = W [e(s_1); ...; e(s_L)] + b, separator`: `S = 1 + 2 n`.

  GenRec (arXiv 2604.14878), `Linear_{3d -> d}`; profile and separators are not
  merged. It begins as the sum of the tokens `[OURS]`, from which copying out of
  the history is learned soonest. The separator is that of `FlattenItems`.

  Attributes:
    dot_general: the product.
  """

  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self, prompt: Prompt, embed: Embed, *, levels: int
  ) -> EncodedPrompt:
    profile = embed(prompt.profile)
    rows, items, _ = prompt.history.shape
    width = profile.shape[-1]
    separators = _separator(self, width) + embed(prompt.history[..., levels:])
    codes = embed(prompt.history[..., :levels, None])
    merged = Linear(
      width,
      ("levels", "embed"),
      use_bias=True,
      dot_general=self.dot_general,
      kernel_init=sum_of_tokens,
      name="merge",
    )(codes.reshape(rows, items, levels * width))
    states = jnp.stack((merged, separators), axis=2)
    mask = jnp.repeat(prompt.mask[:, 1:], 2, axis=1)
    return EncodedPrompt(
      jnp.concatenate((profile, states.reshape(rows, -1, width)), axis=1),
      jnp.concatenate((prompt.mask[:, :1], mask), axis=1),
    )

  def length(self, *, items: int, levels: int) -> int:
    del levels
    return 1 + 2 * items
