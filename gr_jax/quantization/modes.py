"""The formats by the names that configs have for them.

| name | blocks | scales | bit for bit as |
|---|---|---|---|
| torchao | 16 | E4M3 from 2^-6, float32 | torchao 0.18, `nvfp4_quantize` |
| modelopt | 16 | E4M3, float32 | modelopt 0.47, `NVFP4QTensor.quantize` |
| six | 16 | E4M3 to 448, float32 | fouroversix, `static_6` |
| six_unbiased | 16 | the same, 17/16 as large | `stochastic_unbiased` there |
| four_over_six_mse_256 | 16 | E4M3 to 256, float32 | fouroversix, `mse` |
| four_over_six_mae_256 | 16 | the same | fouroversix, `mae` |
| four_over_six_mse_448 | 16 | E4M3 to 448, float32 | ours, the same with 448 |
| four_over_six_mae_448 | 16 | the same | ours; FlashInfer's default choice |
| mxfp4 | 32 | powers of two | torchao 0.18, `to_mx`, FLOOR |
| int4 | 32 | bfloat16 | ours |
"""

from types import MappingProxyType

from gr_jax.choices import choose
from gr_jax.quantization.formats import Format
from gr_jax.quantization.four_over_six import (
  UNBIASED,
  FourOverSix,
  Six,
  absolute,
  squared,
)
from gr_jax.quantization.int4 import Int4
from gr_jax.quantization.mxfp4 import Mxfp4
from gr_jax.quantization.nvfp4 import Modelopt, Torchao

MODES = MappingProxyType(
  {
    "torchao": Torchao(),
    "modelopt": Modelopt(),
    "six": Six(448),
    "six_unbiased": Six(448, UNBIASED),
    "four_over_six_mse_256": FourOverSix(squared, 256),
    "four_over_six_mae_256": FourOverSix(absolute, 256),
    "four_over_six_mse_448": FourOverSix(squared, 448),
    "four_over_six_mae_448": FourOverSix(absolute, 448),
    "mxfp4": Mxfp4(),
    "int4": Int4(),
  }
)


def format_of(mode: str) -> Format:
  """The format of a name.

  Raises:
    ValueError: there is no such name.
  """
  return choose("quantization.mode", mode, MODES)
