"""Compiled once for all tests that ask for the same."""

import jax

from gr_jax.quantization import quantize
from gr_jax.quantization.qtensor import quantize_array

KINDS = ("torchao", "four_over_six_mse_256", "mxfp4", "int4")
"""A mode of each kind of format."""

quantized = jax.jit(
  quantize_array, static_argnames=("format", "axis", "blocks")
)
matrices = jax.jit(
  quantize.round_matrices, static_argnames=("format", "blocks")
)
rows = jax.jit(quantize.round_rows, static_argnames=("format",))
there_and_back = jax.jit(
  quantize.quantize_dequantize, static_argnames=("format", "blocks")
)
