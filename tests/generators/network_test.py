from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.generators.code_head import CodeHead
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.network import (
  code_head,
  decode_step,
  predict_value,
  prefill,
)
from gr_jax.nn.dot import bf16_dot_general
from gr_jax.nn.transformer import TransformerConfig


class Sums(nn.Module):
  """Its steps say what they were given."""

  @property
  def scale(self) -> Any:
    return self.get_variable("params", "scale")

  def first_code(self, prompt, queries):
    return self.scale * (prompt + queries), "first"

  def next_code(self, codes, parents, cache, *, level):
    return self.scale * (codes - parents) + level, cache + "next"

  def next_value(self, codes, parents, cache):
    return self.scale * codes + 10 * parents + len(cache)

  prefill, decode_step, predict_value = prefill, decode_step, predict_value


def test_steps_of_a_search_are_the_bound_methods_as_pure_functions():
  model, variables = Sums(), {"params": {"scale": jnp.float32(3)}}
  one, two = np.float32(1), np.float32(2)
  assert model.prefill(variables, (one, two)) == (9, "first")
  found = model.decode_step(variables, two, one, "first", level=4)
  assert found == (7, "firstnext")
  assert model.predict_value(variables, two, one, "ab") == 18


def test_a_head_has_the_sizes_of_its_network():
  config = TransformerConfig(layers=1, width=24)
  model = DecoderOnly(
    config, 7, (3, 4), True, bf16_dot_general, candidate_features=5
  )
  assert code_head(model) == CodeHead(7, (3, 4), 24, True, bf16_dot_general, 5)
