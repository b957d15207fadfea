import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.nn.transformer import Transformer, TransformerConfig
from tests.reference.noisy import noisy

SMALL = {"layers": 2, "width": 16, "heads": 2, "kv_heads": 1, "head_size": 8}


@functools.partial(jax.jit, static_argnums=0)
def init(module, *inputs):
  return nn.unbox(module.init(jax.random.key(1), *inputs))


@functools.partial(jax.jit, static_argnums=0)
def apply(module, params, *inputs):
  return module.apply(params, *inputs)


def build(**changes):
  config = TransformerConfig(**SMALL | {"feed_forward": 24} | changes)
  module = Transformer(config)
  x = jax.random.normal(jax.random.key(0), (2, 6, 16))
  positions = jnp.broadcast_to(jnp.arange(6), (2, 6))
  mask = jnp.broadcast_to(jnp.tril(jnp.ones((6, 6), bool)), (2, 6, 6))
  params = init(module, x, positions, mask)
  return module, noisy(params), (x, positions, mask)


def test_the_future_does_not_change_the_past():
  module, params, (x, positions, mask) = build()
  before, _ = apply(module, params, x, positions, mask)
  after, _ = apply(module, params, x.at[:, 4].add(1.0), positions, mask)
  np.testing.assert_array_equal(before[:, :4], after[:, :4])
  assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-3


def initial(**changes):
  module, _, inputs = build(**changes)
  return module, init(module, *inputs), inputs


def test_layers_are_stacked_and_differ():
  blocks = initial(layers=3)[1]["params"]["blocks"]
  kernel = blocks["mlp"]["gate"]["dense"]["kernel"]
  assert kernel.shape == (3, 16, 24)
  assert np.abs(kernel[0] - kernel[1]).max() > 0.1


def test_blocks_start_as_the_identity():
  module, params, (x, positions, mask) = initial()
  out, _ = apply(module, params, x, positions, mask)
  norm = np.sqrt((np.asarray(x) ** 2).mean(-1, keepdims=True) + 1e-6)
  np.testing.assert_allclose(out, x / norm, atol=1e-5)


def test_recomputing_activations_changes_no_gradient():
  module, params, inputs = build()
  again = build(remat=True)[0]

  def grad(module):
    total = jax.grad(lambda p: module.apply(p, *inputs)[0].sum())
    return jax.jit(total)(params)

  for a, b in zip(*(jax.tree.leaves(grad(m)) for m in (module, again))):
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("unroll", [1, 2, 3])
def test_unrolling_the_scan_changes_nothing(unroll):
  module, params, inputs = build(layers=3)
  again = build(layers=3, unroll=unroll)[0]
  a, b = (apply(m, params, *inputs)[0] for m in (module, again))
  np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
  ("changes", "message"),
  [({"kv_heads": 3, "heads": 4}, "must divide"), ({"head_size": 7}, "even")],
)
def test_impossible_sizes_are_refused(changes, message):
  with pytest.raises(ValueError, match=message):
    TransformerConfig(**SMALL | changes)
