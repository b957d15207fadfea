r"""A text encoder and a network: from prompts to velocities.

Published networks put out the velocity. A velocity holds the noise, so that all
numbers of a patch have to pass through every layer; a narrow network does
better if it puts out the clean picture, which is simple, and the noise is what
it was given:

$$ v = \frac{x_t - \hat x_0}{\max(t, t_{min})}, \qquad t_{min} = 0.05 $$

The loss stays that of velocities (Li and He 2025, arXiv 2511.13720, whose
`t` runs the other way).
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.choices import choose
from gr_jax.diffusion.networks.presets import NetworkConfig, build_network
from gr_jax.diffusion.networks.text import Text
from gr_jax.diffusion.rectified_flow import along_rows
from gr_jax.diffusion.text_encoder import TextEncoder, TextEncoderConfig
from gr_jax.nn.layers import DotGeneral

_LEAST_TIME = 0.05


def _picture_to_velocity(out: jax.Array, x: jax.Array, t: jax.Array):
  """`v` of a clean picture; finite at `t = 0`."""
  return (x - out) / along_rows(jnp.maximum(t, _LEAST_TIME), x)


PREDICTS = {
  "velocity": lambda out, x, t: out,
  "picture": _picture_to_velocity,
}


@dataclasses.dataclass(frozen=True)
class FlowModelConfig:
  """Sizes of both parts, and of pictures.

  Attributes:
    text: the text encoder.
    network: the network.
    side: the side of a picture in pixels.
    predicts: what the network puts out, one of `PREDICTS`.
  """

  text: TextEncoderConfig
  network: NetworkConfig
  side: int = 32
  predicts: str = "velocity"

  def __post_init__(self):
    choose("predicts", self.predicts, PREDICTS)

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
    return self.velocity(x, t, self.text(tokens))

  def encode(self, tokens: jax.Array) -> Text:
    """The text of tokens `[B, S]`, the same at all times."""
    return self.text(tokens)

  def velocity(self, x: jax.Array, t: jax.Array, text: Text) -> jax.Array:
    """Velocities given encoded prompts."""
    out = self.network(x, t, text)
    return PREDICTS[self.config.predicts](out, x, t)
