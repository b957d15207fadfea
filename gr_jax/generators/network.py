"""What networks of semantic IDs have in common, whatever their layers.

A Linen network reads a prompt by its prompt encoder, scores codes by its
`CodeHead`, and has two bound methods for a search, `first_code` and
`next_code`; one that predicts values also has `next_value`. With `prefill`,
`decode_step` and `predict_value` among its methods, which are these as pure
functions of the variables, it is a `Generator`.
"""

from typing import Any, Protocol

import jax
from flax import linen as nn

from gr_jax.decoding.generator import Generator
from gr_jax.generators.code_head import CodeHead
from gr_jax.generators.prompts.prompt_encoder import (
  EncodedPrompt,
  PromptEncoder,
)
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.transformer import TransformerConfig


class Network(Generator, Protocol):
  """A `Generator` that is trained: a Linen module, or a `TextToCodes`.

  Training calls it with prompts, queries `[B, P, Wq]` and codes `[B, P, L]`,
  for a list of logits `[B, P, C_l]`, one per level.
  """

  @property
  def config(self) -> TransformerConfig: ...

  @property
  def prompt_size(self) -> int: ...

  @property
  def level_sizes(self) -> tuple[int, ...]: ...

  @property
  def ends(self) -> bool: ...

  @property
  def dot_general(self) -> DotGeneral: ...

  @property
  def candidate_features(self) -> int: ...

  def apply(self, variables: Any, *args: Any, **kwargs: Any) -> Any: ...


def code_head(network: Network) -> CodeHead:
  """The head of a network, an unbound module."""
  return CodeHead(
    network.prompt_size,
    network.level_sizes,
    network.config.width,
    network.ends,
    network.dot_general,
    network.candidate_features,
  )


class CodeNetwork(Network, Protocol):
  """A bound Linen network, which has a head and a prompt encoder."""

  @property
  def head(self) -> CodeHead: ...

  @property
  def prompt_encoder(self) -> PromptEncoder: ...


def encode(network: CodeNetwork, prompt: Prompt) -> EncodedPrompt:
  """The inputs of a prompt's positions, and their mask."""
  return network.prompt_encoder(
    prompt, network.head.table.embed, levels=len(network.level_sizes)
  )


@nn.nowrap
def prefill(
  network: nn.Module, variables: Any, prompt: tuple[Any, jax.Array], /
) -> tuple[jax.Array, Any]:
  """`first_code` of prompts and queries, see `Generator.prefill`."""
  return network.apply(variables, *prompt, method="first_code")


@nn.nowrap
def decode_step(
  network: nn.Module,
  variables: Any,
  codes: jax.Array,
  parents: jax.Array,
  cache: Any,
  /,
  *,
  level: int,
) -> tuple[jax.Array, Any]:
  """`next_code`, see `Generator.decode_step`."""
  inputs = codes, parents, cache
  return network.apply(variables, *inputs, level=level, method="next_code")


@nn.nowrap
def predict_value(
  network: nn.Module,
  variables: Any,
  codes: jax.Array,
  parents: jax.Array,
  cache: Any,
  /,
) -> Any:
  """`next_value`, see `ValuedGenerator.predict_value`."""
  return network.apply(variables, codes, parents, cache, method="next_value")
