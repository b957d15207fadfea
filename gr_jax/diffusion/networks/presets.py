"""Published sizes, and networks of a config."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.diffusion.networks.mm_dit import MMDiT, MMDiTConfig
from gr_jax.diffusion.networks.sana import Sana, SanaConfig
from gr_jax.diffusion.networks.text import Text
from gr_jax.nn.layers import DotGeneral

NetworkConfig = SanaConfig | MMDiTConfig
Network = Sana | MMDiT


def build_network(
  config: NetworkConfig, dot_general: DotGeneral = jax.lax.dot_general
) -> Network:
  """The network of a config."""
  if isinstance(config, SanaConfig):
    return Sana(config, dot_general)
  return MMDiT(config, dot_general)


@dataclasses.dataclass(frozen=True)
class Preset:
  """A published network and what it reads at 1024 x 1024 pixels.

  Attributes:
    network: its sizes.
    parameters: their published number.
    side: the side of a latent picture.
    text_width: the width of its text encoder's states.
    text_tokens: the length of a prompt.
    pooled_width: the width of a whole text's vector.
  """

  network: NetworkConfig
  parameters: float
  side: int
  text_width: int
  text_tokens: int
  pooled_width: int

  def inputs(self, rows: int) -> tuple[Any, Any, Text]:
    """The shapes of `rows` pictures, times and texts, for `jax.eval_shape`."""

    def shape(*sizes: int, dtype: Any = jnp.float32) -> Any:
      return jax.ShapeDtypeStruct((rows, *sizes), dtype)

    text = Text(
      states=shape(self.text_tokens, self.text_width),
      mask=shape(self.text_tokens, dtype=jnp.bool_),
      pooled=shape(self.pooled_width),
    )
    side = self.side
    return shape(side, side, self.network.channels), shape(), text


PRESETS = {
  # NVlabs/Sana, SanaMS_1600M_P1_D20: 1,604.6 million parameters with the norms
  # of SANA-1.5; Gemma-2-2B's states, DC-AE's 32 x 32 latents of 32 channels.
  "sana_1600m": Preset(
    SanaConfig(
      channels=32,
      patch=1,
      width=2240,
      layers=20,
      head_size=32,
      text_heads=20,
      feed_forward=5600,
    ),
    parameters=1.6046e9,
    side=32,
    text_width=2304,
    text_tokens=300,
    pooled_width=1,
  ),
  # Stability-AI/sd3.5: a depth of 38 gives 38 heads of 64.
  "sd3_5_large": Preset(
    MMDiTConfig(
      channels=16,
      patch=2,
      width=2432,
      heads=38,
      double_layers=38,
      feed_forward=4 * 2432,
    ),
    parameters=8.06e9,
    side=128,
    text_width=4096,
    text_tokens=333,
    pooled_width=2048,
  ),
  # black-forest-labs/flux, flux-dev.
  "flux_12b": Preset(
    MMDiTConfig(
      channels=16,
      patch=2,
      width=3072,
      heads=24,
      double_layers=19,
      single_layers=38,
      feed_forward=4 * 3072,
      rotary_axes=(16, 56, 56),
      guidance=3.5,
    ),
    parameters=11.9e9,
    side=128,
    text_width=4096,
    text_tokens=512,
    pooled_width=768,
  ),
}
