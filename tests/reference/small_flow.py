"""Small networks of every arrangement, their inputs and their parameters."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.diffusion.flow_model import FlowModel, FlowModelConfig
from gr_jax.diffusion.networks.mm_dit import MMDiTConfig
from gr_jax.diffusion.networks.presets import build_network
from gr_jax.diffusion.networks.sana import SanaConfig
from gr_jax.diffusion.networks.text import Text
from gr_jax.diffusion.text_encoder import TextEncoderConfig

SD3 = MMDiTConfig(width=16, heads=2, double_layers=2, feed_forward=32)
CONFIGS = {
  "sana": SanaConfig(
    width=16, layers=2, head_size=8, text_heads=2, feed_forward=24
  ),
  "sd3": SD3,
  "flux": MMDiTConfig(
    width=16,
    heads=2,
    double_layers=1,
    single_layers=2,
    feed_forward=32,
    rotary_axes=(4, 2, 2),
    guidance=3.5,
  ),
}
ROWS, SIDE, WIDE = 3, 8, 12


def inputs(seed: int = 0) -> tuple[jax.Array, jax.Array, Text]:
  """Pictures, times and texts whose last token is padding."""
  rng = np.random.default_rng(seed)
  mask = np.ones((ROWS, 4), bool)
  mask[:, 3] = False
  text = Text(
    jnp.asarray(rng.normal(size=(ROWS, 4, WIDE)), jnp.float32),
    jnp.asarray(mask),
    jnp.asarray(rng.normal(size=(ROWS, 6)), jnp.float32),
  )
  x = rng.normal(size=(ROWS, SIDE, SIDE, 3))
  t = rng.uniform(size=ROWS)
  return jnp.asarray(x, jnp.float32), jnp.asarray(t, jnp.float32), text


@functools.cache
def first_params(name: str):
  """The parameters that training begins with."""
  network = build_network(CONFIGS[name])
  return nn.unbox(jax.jit(network.init)(jax.random.key(0), *inputs()))


def noisy(params, seed: int = 0):
  """Parameters that are nowhere zero: every path through a network is open."""
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda x: jnp.asarray(x + 0.3 * rng.normal(size=x.shape), jnp.float32),
    params,
  )


@functools.cache
def apply(name: str):
  """The compiled network."""
  return jax.jit(build_network(CONFIGS[name]).apply)


@functools.cache
def of_noise(name: str) -> np.ndarray:
  """What a network with noise for parameters gives for `inputs()`."""
  return np.asarray(apply(name)(noisy(first_params(name)), *inputs()))


MODEL = FlowModelConfig(
  TextEncoderConfig(vocabulary=6, width=16, layers=1, heads=2), SD3, side=SIDE
)
TOKENS = np.array([[1, 2, 0], [3, 4, 5], [2, 1, 0], [0, 0, 0]], np.int32)


@functools.cache
def first_model_params():
  """Parameters of `MODEL` that training begins with."""
  init = jax.jit(FlowModel(MODEL).init)
  x, t = jnp.zeros((1, *MODEL.shape)), jnp.zeros(1)
  return nn.unbox(init(jax.random.key(0), x, t, TOKENS[:1]))
