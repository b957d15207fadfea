"""Which weights of a flow model explore in four bits, as in Sol-RL.

Sol-RL (arXiv 2604.06916; NVlabs/Sana, configs of `sol_rl`) quantizes linear
layers whose larger side is above `nvfp4_min_dim` and whose name is not skipped:

  SANA   t_embedder, t_block, cfg_embedder, y_embedder, x_embedder, final_layer,
         attn.qkv; above 2240: what is left is cross_attn.kv_linear and both
         products of the MLP
  SD3.5  pos_embed, context_embedder, time_text_embed, norm_out, norm1,
         ff_context; above 2432: both products of the pictures' MLP
  FLUX   x_embedder, context_embedder, time_text_embed, norm_out; above 1000:
         all products of the blocks, those of the adaptive norms among them

Both least widths but FLUX's are those of the networks, so that square products
stay; so they do here for networks of any width. With q, k and v side by side
SD3.5's are not square: they are skipped by name. FLUX's last layer stays, too
`[OURS]`: it has 64 columns.
"""

import jax.numpy as jnp

from gr_jax.diffusion.networks.presets import NetworkConfig
from gr_jax.diffusion.networks.sana import SanaConfig
from gr_jax.quantization.policy import Policy

# Of a network alone and of one beside its text encoder (`FlowModel`).
_TEXT = ("params/text/*", "params/network/text/*")
_LAST = ("params/out/*", "params/network/out/*")

SANA = (
  "patches", "time", "modulation", "text_in", "text_out", "qkv", *_LAST, *_TEXT,
)  # fmt: skip
# "text" is the texts' stream as well: its MLP is on their list, its products
# of attention are square.
SD3 = (
  "patches", "time", "pooled", "text", "modulation", "last_modulation", "qkv",
  *_LAST,
)  # fmt: skip
FLUX = (
  "patches", "time", "guidance", "pooled", "last_modulation", *_LAST, *_TEXT,
)  # fmt: skip

# A scale is of 16 numbers; the recipes have no other least width.
_LEAST = 16


def published_policy(config: NetworkConfig) -> Policy:
  """The policy of Sol-RL's recipe for a network's arrangement.

  What stays is in bfloat16.
  """
  skip, wider_than = SANA, config.width
  if not isinstance(config, SanaConfig):
    skip = FLUX if config.single_layers else SD3
    wider_than = 0 if config.single_layers else config.width
  return Policy(
    min_dim=_LEAST, wider_than=wider_than, skip=skip, rest=jnp.bfloat16
  )
