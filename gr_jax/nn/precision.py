"""The product that a config's `precision` names."""

import jax.numpy as jnp

from gr_jax.choices import choose
from gr_jax.nn.dot import bf16_dot_general, float32_dot_general
from gr_jax.nn.layers import DotGeneral

PRODUCTS = {"bfloat16": bf16_dot_general, "float32": float32_dot_general}


def dot_general(precision: str) -> DotGeneral:
  """The product that `config.precision` names: "bfloat16" or "float32"."""
  return choose("precision", precision, PRODUCTS)


def multiplied_type(product: DotGeneral) -> jnp.dtype:
  """The numbers that a product multiplies: float32 if it is none of ours."""
  rounded = product is PRODUCTS["bfloat16"]
  return jnp.dtype(jnp.bfloat16 if rounded else jnp.float32)
