"""Products with quantized weights: W4A16 and W4A4.

With a weight `q_w s_w t_w` `[D, F]` and activations `x` `[..., D]`:

  w4a16  y = t_w (bf16(x) · q_w s_w)
  w4a4   y = t_x t_w (q_x s_x · q_w s_w),  x ≈ q_x s_x t_x rounded on the fly,
         blocks along `D`, one `t_x` for each row (`quantize.round_rows`)

`q s` has six bits of mantissa, for E2M1 with E4M3 or E8M0 scales: exact in
bfloat16, and products of two of them exact in float32. So both are products in
bfloat16 with sums in float32, on any device, and w4a4 is the tensor cores'
product up to the order of the sums, the emulation as well as
`w4a4_scaled_matmul`, which is `jax.nn.scaled_matmul`: cuDNN's block-scaled
product on Blackwell (compute capability 10 and above), decoded and multiplied
by XLA on older cards. `w4a4_of` takes the one that a device has. INT4's scales
have eight bits: its `q s` is rounded to bfloat16 once more.

Gradients are straight-through: with respect to `x` they are those of the
product with the dequantized weight, as if `x` were not rounded; codes and
scales have none.
"""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.nn.dot import bf16_matmul
from gr_jax.quantization import packing, quantize
from gr_jax.quantization.blocks import Runs
from gr_jax.quantization.formats import Format, Rounded
from gr_jax.quantization.qtensor import QTensor

Product = Callable[[jax.Array, QTensor], jax.Array]
"""From `[..., D]` and a kernel `[D, F]` to `[..., F]` float32."""


# The first whose tensor cores multiply four bits with scales of blocks.
_BLACKWELL = 10.0


def multiplies_nvfp4(device: Any) -> bool:
  """Whether a device has a product of NVFP4: NVIDIA's from Blackwell on."""
  # Not every device has a capability; Blackwell's is "10.0" or "12.0".
  capability = getattr(device, "compute_capability", None)
  if device.platform not in ("gpu", "cuda") or capability is None:
    return False
  number = re.match(r"\d+\.\d+", str(capability))
  return number is not None and float(number[0]) >= _BLACKWELL


def w4a4_of(device: Any = None) -> Product:
  """The product of four-bit operands that a device has.

  NVFP4 is multiplied by the tensor cores where there are such; other devices
  and other formats get the emulation, which is exact.

  Args:
    device: one of those that run the program; None = JAX's default device.
  """
  if not multiplies_nvfp4(device or jax.devices()[0]):
    return w4a4

  def product(x: jax.Array, w: QTensor) -> jax.Array:
    return (w4a4_scaled_matmul if _is_nvfp4(w) else w4a4)(x, w)

  return product


def _is_nvfp4(w: QTensor) -> bool:
  return w.format.block == 16 and w.format.scale_type == jnp.float8_e4m3fn


def _check(x: jax.Array, w: QTensor) -> None:
  if w.ndim != 2 or w.axis != -2 or x.shape[-1] != w.shape[0]:
    raise ValueError(
      f"a product takes [..., D] and a kernel [D, F]; got {x.shape} and "
      f"{w.shape} with blocks along axis {w.axis}."
    )


def w4a16(x: jax.Array, w: QTensor) -> jax.Array:
  """`x w` with activations in bfloat16.

  Args:
    x: `[..., D]`.
    w: `[D, F]`, blocks along `D`.

  Returns:
    `[..., F]` float32.

  Raises:
    ValueError: shapes do not fit.
  """
  _check(x, w)
  scaled_w, t_w = _parts(w)
  flat = bf16_matmul(x.reshape(-1, x.shape[-1]), scaled_w)
  return (flat * t_w).reshape(*x.shape[:-1], -1)


def w4a4(x: jax.Array, w: QTensor) -> jax.Array:
  """`x w` with activations in the weight's format; arguments as for `w4a16`."""
  _check(x, w)
  scaled, t = rounded_rows(x.reshape(-1, x.shape[-1]), w.format)
  scaled_w, t_w = _parts(w)
  flat = bf16_matmul(scaled, scaled_w)
  return (flat * (t * t_w)).reshape(*x.shape[:-1], -1)


def _parts(w: QTensor) -> tuple[jax.Array, jax.Array]:
  """`q_w s_w` `[D, F]` and `t_w`, neither of which is trained."""
  return jax.lax.stop_gradient((w.scaled_codes().T, w.tensor_scale))


def w4a4_scaled_matmul(x: jax.Array, w: QTensor) -> jax.Array:
  """As `w4a4`, by `jax.nn.scaled_matmul`; NVFP4 alone, and no gradient."""
  _check(x, w)
  if not _is_nvfp4(w):
    raise ValueError(
      f"the device's product is of NVFP4; got {w.format}: use w4a4."
    )
  rounded = quantize.round_rows(x.reshape(-1, x.shape[-1]), w.format)
  values = Runs(w.format.block).join(rounded.values)
  flat = jax.nn.scaled_matmul(
    values.astype(jnp.float4_e2m1fn)[None],
    packing.as_float4(w.codes)[None],
    rounded.scales.astype(w.scales.dtype)[None],
    w.scales[None],
  )[0]
  y = flat * (rounded.tensor_scale * w.tensor_scale)
  return y.reshape(*x.shape[:-1], -1)


def rounded_rows(x: jax.Array, format: Format) -> tuple[jax.Array, jax.Array]:
  """`q s_b` `[N, D]` and `t` `[N, 1]` of rows `[N, D]`, float32.

  `q s_b t ≈ x`; the gradient is that of `x / t` with a constant `t`.
  """
  x = x.astype(jnp.float32)
  rounded = quantize.round_rows(jax.lax.stop_gradient(x), format)
  scaled = Runs(format.block).join(scaled_values(rounded))
  return straight_through(x, scaled, rounded.tensor_scale), rounded.tensor_scale


def scaled_values(rounded: Rounded) -> jax.Array:
  """`q s_b`, blocks `[..., n, b]` float32."""
  return rounded.values * rounded.scales[..., None]


@jax.custom_vjp
def straight_through(
  x: jax.Array, scaled: jax.Array, t: jax.Array
) -> jax.Array:
  """`scaled`, with the gradient of `x / t` with respect to `x`."""
  del x, t
  return scaled


def _forward(x, scaled, t):
  del x
  return scaled, t


def _backward(t, g):
  return g / t, jnp.zeros_like(g), jnp.zeros_like(t)


straight_through.defvjp(_forward, _backward)
