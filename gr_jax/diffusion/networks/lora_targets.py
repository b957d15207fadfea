"""The products that published recipes of RL for flow models change.

By Sol-RL's configs for SANA, SD3.5-L and FLUX (NVlabs/Sana, `train_scripts`);
those of Flow-GRPO and DiffusionNFT for SD3 are the same. Each has a rank of 32
and an `α` of 64:

  SANA   attn.qkv, attn.proj, cross_attn.q_linear, .kv_linear, .proj
  SD3    attn.to_q, .to_k, .to_v, .to_out of pictures, attn.add_q_proj and so on
         of texts
  FLUX   to_q, to_k, to_v, to_out of pictures in double blocks, to_q, to_k, to_v
         of single blocks

Here q, k and v are one product and share one `A`, and in FLUX's single blocks
the first product of the MLP is part of it as well `[OURS]`. No recipe changes
the adaptive norms; `MODULATIONS` may be added to any.
"""

from gr_jax.diffusion.networks.presets import NetworkConfig
from gr_jax.diffusion.networks.sana import SanaConfig
from gr_jax.nn.layers import Lora

SANA = (
  "*/attention/qkv",
  "*/attention/out",
  "*/cross/q",
  "*/cross/kv",
  "*/cross/out",
)
SD3 = ("*/picture/qkv", "*/picture/out", "*/text/qkv", "*/text/out")
FLUX = ("*/picture/qkv", "*/picture/out", "*single/in")
MODULATIONS = ("*modulation/parts", "*modulation")
"""The layers of the adaptive norms, of all networks."""


def published_targets(config: NetworkConfig) -> tuple[str, ...]:
  """The targets of the recipe of a network's arrangement."""
  if isinstance(config, SanaConfig):
    return SANA
  return FLUX if config.single_layers else SD3


def published_lora(config: NetworkConfig) -> Lora:
  """The change of low rank of the recipe of a network's arrangement."""
  return Lora(32, 64.0, published_targets(config))
