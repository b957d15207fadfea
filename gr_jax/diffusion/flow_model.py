"""A text encoder and a network: from prompts to velocities."""

import dataclasses

import jax
from flax import linen as nn

from gr_jax.diffusion.networks.presets import NetworkConfig, build_network
from gr_jax.diffusion.networks.text import Text
from gr_jax.diffusion.text_encoder import TextEncoder, TextEncoderConfig
from gr_jax.nn.layers import DotGeneral


@dataclasses.dataclass(frozen=True)
class FlowModelConfig:
  """Sizes of both parts, and of pictures.

  Attributes:
    text: the text encoder.
    network: the network.
    side: the side of a picture in pixels.
  """

  text: TextEncoderConfig
  network: NetworkConfig
  side: int = 32

  @property
  def shape(self) -> tuple[int, int, int]:
    """The shape of a picture."""
    return self.side, self.side, self.network.channels


class FlowModel(nn.Module):
  """Velocities given prompts.

  Attributes:
    config: sizes.
    dot_general: the product of every linear layer.
  """

  config: FlowModelConfig
  dot_general: DotGeneral = jax.lax.dot_general

  def setup(self):
    self.text = TextEncoder(self.config.text, self.dot_general)
    self.network = build_network(self.config.network, self.dot_general)

  def __call__(self, x: jax.Array, t: jax.Array, tokens: jax.Array):
    """Velocities `[B, H, W, C]` of pictures, times `[B]`, tokens `[B, S]`."""
    return self.network(x, t, self.text(tokens))

  def encode(self, tokens: jax.Array) -> Text:
    """The text of tokens `[B, S]`, the same at all times."""
    return self.text(tokens)

  def velocity(self, x: jax.Array, t: jax.Array, text: Text) -> jax.Array:
    """Velocities given encoded prompts."""
    return self.network(x, t, text)
