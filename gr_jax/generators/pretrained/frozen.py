"""A decoder's variables in two: what is trained, and what stands still.

Under LoRA the weights that were read are a collection of their own, "frozen",
beside the "params" that are trained: no gradient is taken of them, no optimizer
knows them, no checkpoint holds them. Without LoRA everything is trained.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.generators.pretrained.decoder import CausalDecoder
from gr_jax.generators.pretrained.lora import TRAINED
from gr_jax.nn.flat_tree import partition
from gr_jax.nn.lora import FROZEN


def initialized(decoder: CausalDecoder, key: jax.Array) -> dict[str, Any]:
  """Random variables of a decoder, in two, boxed with the names of axes."""
  one = jnp.zeros((1, 1), jnp.int32)
  return in_two(decoder, decoder.init(key, one, one == 0))


def in_two(
  decoder: CausalDecoder, variables: Mapping[str, Any]
) -> dict[str, Any]:
  """`{"params": trained, "frozen": the others}` of `{"params": all}`.

  Where everything is trained there is no "frozen".
  """
  if decoder.config.lora is None:
    return dict(variables)
  trained, frozen = partition(
    variables["params"], lambda path: path[-1] in TRAINED
  )
  return {FROZEN: frozen, "params": trained}
