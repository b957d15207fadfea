"""NVFP4 and MXFP4 in NumPy, as the public programs compute them.

Written from their sources line by line, with `ml_dtypes` for every cast, and
with nothing of `gr_jax.quantization`. Blocks `[n, b]` that share one tensor
scale; every result is (codes `[n, b]` uint8, scales `[n]`, tensor scale).
"""

import ml_dtypes
import numpy as np

F = np.float32


def e2m1(x):
  """Codes of float32 numbers, saturating."""
  return np.clip(x, F(-6), F(6)).astype(ml_dtypes.float4_e2m1fn).view(np.uint8)


def e4m3(x):
  """float32 of E4M3, saturating."""
  return np.minimum(x, F(448)).astype(ml_dtypes.float8_e4m3fn).astype(F)


def value(codes):
  """float32 of codes."""
  return codes.view(ml_dtypes.float4_e2m1fn).astype(F)


def largest(blocks):
  return np.abs(blocks).max(axis=-1)


def torchao(blocks):
  t = largest(blocks).max() / F(448 * 6)
  wanted = largest(blocks) / F(6) / t
  scales = e4m3(np.clip(wanted, F(2**-6), F(448)))
  inverse = (F(1) / t) / scales
  return e2m1(blocks * inverse[:, None]), scales, t


def modelopt(blocks):
  t = largest(blocks).max() / F(6 * 448)
  wanted = largest(blocks) / (F(6) * t)
  wanted[wanted == 0] = 1
  scales = e4m3(np.clip(wanted, F(2**-9), F(448)))
  codes = e2m1(blocks / (scales * t)[:, None])
  # Their sign is that of `x < 0`.
  return np.where(blocks == 0, 0, codes).astype(np.uint8), scales, t


def _scaled(blocks, e4m3_max, share, stretch):
  amax = largest(blocks).max()
  everything = F(6 * e4m3_max * share)
  encode = everything / amax
  scales = e4m3(largest(blocks) / F(6 * share) * encode * F(stretch))
  t = F(1) / (everything / amax)
  with np.errstate(divide="ignore", invalid="ignore"):
    scaled = blocks * (F(1) / (t * scales))[:, None]
  scaled[scales == 0] = 0
  return e2m1(scaled), scales, t


def six(blocks, e4m3_max=448, share=1.0):
  return _scaled(blocks, e4m3_max, share, 1)


def four_over_six(blocks, error, e4m3_max):
  """Four over six with the error "mse" or "mae"."""
  amax = largest(blocks).max()
  found, errors = [], []
  for stretch in (1, 1.5):
    codes, scales, t = _scaled(blocks, e4m3_max, 1.0, stretch)
    restored = value(codes) * scales[:, None] * amax / F(6 * e4m3_max)
    gap = restored - blocks
    cost = gap * gap if error == "mse" else np.abs(gap)
    while cost.shape[1] > 1:
      first, second = np.split(cost, 2, axis=1)
      cost = first + second
    found.append((codes, scales))
    errors.append(cost[:, 0])
  four = errors[1] < errors[0]
  codes = np.where(four[:, None], found[1][0], found[0][0])
  return codes, np.where(four, found[1][1], found[0][1]), t


def mxfp4(blocks):
  exponent = np.floor(np.log2(largest(blocks).astype(np.float64))) - 2
  scales = np.exp2(exponent).astype(F)
  return e2m1(blocks / scales[:, None]), scales, F(1)


MODES = {
  "torchao": torchao,
  "modelopt": modelopt,
  "six": six,
  "six_unbiased": lambda blocks: six(blocks, share=16 / 17),
  "four_over_six_mse_256": lambda x: four_over_six(x, "mse", 256),
  "four_over_six_mae_256": lambda x: four_over_six(x, "mae", 256),
  "four_over_six_mse_448": lambda x: four_over_six(x, "mse", 448),
  "four_over_six_mae_448": lambda x: four_over_six(x, "mae", 448),
  "mxfp4": mxfp4,
}
"""By the names of `gr_jax.quantization.modes`."""


def drawn_blocks(rng, rows, block):
  """Blocks `[rows, block]` float32 that meet what real ones meet.

  A fifth each: Gaussian, of very different sizes, on quarters (ties), of few
  numbers beside zeros of both signs, and rounded to bfloat16.
  """
  x = rng.standard_normal((5, -(-rows // 5), block)).astype(F)
  x[1] *= np.exp2(rng.uniform(-24, 3, x[1].shape[:1]))[:, None]
  x[2] = rng.integers(-12, 13, x[2].shape) * F(0.25)
  x[3] *= rng.choice([0, 0, 0, 1, -0.0], x[3].shape)
  x[4] = x[4].astype(ml_dtypes.bfloat16)
  return rng.permutation(x.reshape(-1, block)[:rows])
