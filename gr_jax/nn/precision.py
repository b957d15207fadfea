"""The product that a config's `precision` names."""

import jax

from gr_jax.choices import choose
from gr_jax.nn.dot import bf16_dot_general
from gr_jax.nn.layers import DotGeneral

PRODUCTS = {"bfloat16": bf16_dot_general, "float32": jax.lax.dot_general}


def dot_general(precision: str) -> DotGeneral:
  """The product that `config.precision` names: "bfloat16" or "float32"."""
  return choose("precision", precision, PRODUCTS)
