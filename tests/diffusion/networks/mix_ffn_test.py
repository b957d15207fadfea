"""The Mix-FFN: its equation, and how far it looks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.diffusion.networks.depthwise import depthwise
from gr_jax.diffusion.networks.mix_ffn import MixFFN
from tests.reference.small_flow import noisy

X = np.random.default_rng(0).normal(size=(2, 20, 6)).astype(np.float32)


@functools.cache
def layer():
  model = functools.partial(MixFFN(5).apply, height=4, width=5)
  init = functools.partial(MixFFN(5).init, height=4, width=5)
  return noisy(jax.jit(init)(jax.random.key(0), X)), jax.jit(model)


def silu(x):
  return x / (1 + np.exp(-x))


def test_it_is_the_equation():
  boxed, apply = layer()
  params = jax.tree.map(np.asarray, boxed)
  p = nn.unbox(params)["params"]
  wide = silu(X @ p["in"]["dense"]["kernel"] + p["in"]["dense"]["bias"])
  wide = depthwise(jnp.asarray(wide.reshape(2, 4, 5, 10)), p["kernel"])
  wide = np.asarray(wide) + p["bias"]
  gated = (wide[..., :5] * silu(wide[..., 5:])).reshape(2, 20, 5)
  np.testing.assert_allclose(
    apply(boxed, X), gated @ p["out"]["dense"]["kernel"], rtol=1e-3, atol=1e-4
  )


def test_a_token_is_seen_by_its_neighbors_alone():
  params, apply = layer()
  changed = X.copy()
  changed[:, 7] += 1  # Row 1, column 2 of 4 x 5.
  gap = np.abs(apply(params, changed) - apply(params, X)).max(axis=(0, 2))
  near = np.zeros((4, 5), bool)
  near[0:3, 1:4] = True
  np.testing.assert_array_equal(gap.reshape(4, 5) > 0, near)
