"""A decoder over a prompt and its branches, packed into a row or step by step.

A branch is what follows a prompt: a query, then the codes of one target. All
branches of a row read the same prompt and never each other, so that many
targets cost one prompt. Training reads `P` whole branches at once
(`read_branches`); a search reads the prompt and the query first
(`read_prompt`), then one more code of each of its `M` beams (`read_codes`).
Both give the same states, up to rounding.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import struct

from gr_jax.generators.prompts.prompt_encoder import EncodedPrompt
from gr_jax.nn.attention import BeamCache, BeamPlace, KeyValues
from gr_jax.nn.attention_mask import branch_mask, causal_mask
from gr_jax.nn.transformer import Transformer


@struct.dataclass
class BranchCache:
  """The keys and values of a prompt, and of the beams that follow it.

  Attributes:
    prompt: `[layers, B, S, K, h]` of everything before the first code.
    own: `[layers, B, M, T, K, h]` of each beam's codes, or None before the
      first step.
    mask: `[B, S]`, True = keep.
  """

  prompt: KeyValues
  own: KeyValues | None
  mask: jax.Array

  def of_beams(self, parents: jax.Array, *, codes: int) -> BeamCache:
    """The cache of the beams that extend `parents` `[B, M]`.

    Args:
      parents: the beam of the step before that each extends.
      codes: `T`, the number of codes that a beam has room for.
    """
    if self.own is not None:
      return BeamCache(self.prompt, self.own.select(parents))
    layers, _, _, K, h = self.prompt.keys.shape
    shape = (layers, *parents.shape, codes, K, h)
    dtype = self.prompt.keys.dtype
    empty = KeyValues(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype))
    return BeamCache(self.prompt, empty)


def read_branches(
  transformer: Transformer, prompt: EncodedPrompt, branches: jax.Array
) -> tuple[EncodedPrompt, jax.Array]:
  """States of a prompt and of `P` whole branches.

  Args:
    transformer: the bound layers.
    prompt: the inputs of `S` positions.
    branches: the inputs `[B, P, T, D]`.

  Returns:
    The prompt with its states `[B, S, D]`, and the states `[B, P, T, D]`.
  """
  B, P, T, _ = branches.shape
  S = prompt.mask.shape[1]
  x = jnp.concatenate((prompt.states, branches.reshape(B, P * T, -1)), axis=1)
  positions = jnp.concatenate((jnp.arange(S), S + jnp.tile(jnp.arange(T), P)))
  there = jnp.pad(prompt.mask, ((0, 0), (0, P * T)), constant_values=True)
  states, _ = transformer(
    x, jnp.broadcast_to(positions, x.shape[:2]), branch_mask(there, P, T)
  )
  read = EncodedPrompt(states[:, :S], prompt.mask)
  return read, states[:, S:].reshape(B, P, T, -1)


def read_prompt(
  transformer: Transformer, prompt: EncodedPrompt, branch: jax.Array
) -> tuple[jax.Array, BranchCache]:
  """States `[B, S + T, D]` of a prompt and of a branch's start, and the cache.

  Args:
    transformer: the bound layers.
    prompt: the inputs of `S` positions.
    branch: the inputs `[B, T, D]`.
  """
  x = jnp.concatenate((prompt.states, branch), axis=1)
  positions = jnp.broadcast_to(jnp.arange(x.shape[1]), x.shape[:2])
  more = ((0, 0), (0, branch.shape[1]))
  mask = jnp.pad(prompt.mask, more, constant_values=True)
  states, kept = transformer(x, positions, causal_mask(mask))
  return states, BranchCache(kept, None, mask)


def read_codes(
  transformer: Transformer,
  x: jax.Array,
  parents: jax.Array,
  cache: BranchCache,
  *,
  level: int,
  codes: int,
) -> tuple[jax.Array, BranchCache]:
  """States `[B, M, D]` of one more position of `M` beams, and the cache.

  Args:
    transformer: the bound layers.
    x: the inputs `[B, M, D]`.
    parents: `[B, M]`, the beam of the step before that each extends.
    cache: what `read_prompt` or the step before returned.
    level: the number of codes that a beam then has.
    codes: the number of codes that it has room for.
  """
  first = cache.mask.shape[1]
  states, own = transformer(
    x,
    jnp.full(parents.shape, first + level - 1),
    BeamPlace(cache.mask, slot=level - 1),
    cache.of_beams(parents, codes=codes),
  )
  return states, dataclasses.replace(cache, own=own)
