"""Laws of SANA's network alone; see `networks_test`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.diffusion.networks.presets import build_network
from gr_jax.diffusion.networks.sana import SanaBlock, SanaConfig
from tests.reference.small_flow import (
  CONFIGS,
  ROWS,
  SIDE,
  WIDE,
  inputs,
  noisy,
)

CONFIG = CONFIGS["sana"]
D, HIGH = CONFIG.width, SIDE // CONFIG.patch
X = np.random.default_rng(1).normal(size=(ROWS, HIGH * HIGH, D))
X = X.astype(np.float32)


@functools.cache
def block():
  """Noise for all parameters; texts are as wide as pictures here."""
  model, text = SanaBlock(CONFIG, HIGH, HIGH), words()
  time = jnp.zeros((ROWS, 6, D))
  first = jax.jit(model.init)(jax.random.key(0), X, time, text)
  return noisy(nn.unbox(first)), jax.jit(lambda *a: model.apply(*a)[0])


def words():
  text = inputs()[2]
  return text.replace(states=jnp.pad(text.states, ((0, 0),) * 2 + ((0, 4),)))


def test_texts_are_as_wide_as_the_block():
  assert words().states.shape[-1] == D == WIDE + 4


def test_scales_of_the_time_and_of_the_block_add_up():
  params, run = block()
  own = params["params"]["modulation"]
  shared = jnp.asarray(
    np.random.default_rng(2).normal(size=(ROWS, 6, D)), jnp.float32
  )
  moved = {**params["params"], "modulation": own - 0.7}
  np.testing.assert_allclose(
    run({"params": moved}, X, shared + 0.7, words()),
    run(params, X, shared, words()),
    rtol=1e-4,
    atol=1e-4,
  )


def test_with_closed_gates_no_token_sees_another():
  """And the text is still read."""
  params, run = block()
  gates = jnp.array([2, 5])
  own = params["params"]["modulation"][gates]
  opened = jnp.ones((ROWS, 6, D))
  closed = opened.at[:, gates].set(-own)
  other = X.copy()
  other[:, 1, 0] += 1
  rest = [0, 2, 3]

  def change(time):
    found = run(params, X, time, words()) - run(params, other, time, words())
    return np.abs(found)[:, rest].max()

  assert change(closed) < 1e-5
  assert change(opened) > 1e-3
  assert np.abs(run(params, X, closed, words()) - X).max() > 1e-3


def test_no_parameter_is_of_a_place():
  """A picture may have any size; convolutions see where tokens stand."""
  x, t, text = inputs()
  init = build_network(CONFIG).init
  of = functools.partial(jax.eval_shape, init, jax.random.key(0))
  assert of(jnp.concatenate((x, x), axis=1), t, text) == of(x, t, text)


@pytest.mark.parametrize(
  ("sizes", "words"),
  [
    ({"width": 32, "head_size": 24}, r"head_size \(24\).*width \(32\)"),
    ({"width": 32, "text_heads": 5}, r"text_heads \(5\).*width \(32\)"),
    ({"remat": "some"}, "remat"),
  ],
)
def test_sizes_that_do_not_fit_are_named(sizes, words):
  with pytest.raises(ValueError, match=words):
    SanaConfig(**sizes)
