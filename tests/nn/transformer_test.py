import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.nn import layers
from gr_jax.nn.transformer import (
  Block,
  Transformer,
  TransformerConfig,
  stacked,
  unstacked,
)
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


@pytest.mark.parametrize("remat", ["full", "dots"])
def test_recomputing_activations_changes_no_gradient(remat):
  module, params, inputs = build()
  again = build(remat=remat)[0]

  def grad(module):
    total = jax.grad(lambda p: module.apply(p, *inputs)[0].sum())
    return jax.jit(total)(params)

  for a, b in zip(*(jax.tree.leaves(grad(m)) for m in (module, again))):
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_each_policy_keeps_less_than_the_one_before():
  """Of what a block computes: all, the products with weights, nothing."""

  def kept(remat):
    module, params, inputs = build(remat=remat)

    def loss(p):
      return module.apply(p, *inputs)[0].sum()

    backward = jax.eval_shape(lambda p: jax.vjp(loss, p)[1], params)
    return sum(np.prod(x.shape) for x in jax.tree.leaves(backward))

  assert kept("none") > kept("dots") > kept("full")


def test_older_configs_say_remat_as_yes_or_no():
  assert TransformerConfig(remat=True).remat == "full"
  assert TransformerConfig(remat=False).remat == "none"


@pytest.mark.parametrize("unroll", [1, 2, 3])
def test_unrolling_the_scan_changes_nothing(unroll):
  module, params, inputs = build(layers=3)
  again = build(layers=3, unroll=unroll)[0]
  a, b = (apply(m, params, *inputs)[0] for m in (module, again))
  np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"layers": 0}, "at least 1"),
    ({"kv_heads": 3, "heads": 4}, "must divide"),
    ({"head_size": 7}, "even"),
    ({"dropout": 1.0}, r"in \[0, 1\)"),
    ({"remat": "some"}, "model.remat is 'some'"),
  ],
)
def test_impossible_sizes_are_refused(changes, message):
  with pytest.raises(ValueError, match=message):
    TransformerConfig(**SMALL | changes)


def states(module, params, inputs, key=None):
  rngs = {} if key is None else {"dropout": key}
  return module.apply(params, *inputs, rngs=rngs)[0]


def test_dropout_acts_where_there_is_a_key():
  plain, params, inputs = build()
  module = Transformer(dataclasses.replace(plain.config, dropout=0.5))
  out = jax.jit(functools.partial(states, module))
  np.testing.assert_array_equal(
    out(params, inputs), apply(plain, params, *inputs)[0]
  )
  first, again, other = (
    out(params, inputs, jax.random.key(seed)) for seed in (0, 0, 1)
  )
  np.testing.assert_array_equal(first, again)
  assert np.abs(first - other).max() > 1e-2


def test_embeddings_weights_and_both_halves_are_dropped():
  plain, params, inputs = build(layers=1)
  for rate, expected in ((0.1, 1 + 3), (0.0, 0)):
    module = Transformer(dataclasses.replace(plain.config, dropout=rate))
    run = functools.partial(states, module)
    program = jax.jit(run).lower(params, inputs, jax.random.key(0))
    assert program.as_text().count("call @_bernoulli") == expected


class Masks(nn.Module):
  """A block that gives the mask that it drew."""

  config: TransformerConfig

  @nn.compact
  def __call__(self, x):
    return x, layers.Dropout(0.5)(x)


def test_every_layer_draws_a_mask_of_its_own():
  config = TransformerConfig(layers=3)
  module = stacked(Masks, config, ())(config)
  rngs = {"dropout": jax.random.key(0)}
  _, masks = module.apply({}, jnp.ones(64), rngs=rngs)
  first, second, third = np.asarray(masks)
  assert (first != second).any()
  assert (second != third).any()


def test_a_rate_of_zero_is_the_same_program():
  module, params, inputs = build()
  key = jax.random.key(0)

  def text(run):
    return jax.jit(run).lower(params, inputs).as_text().partition("\n")[2]

  plain = text(lambda p, x: states(module, p, x))
  assert plain == text(lambda p, x: states(module, p, x, key))


def test_every_norm_uses_the_epsilon():
  module, params, (x, positions, mask) = initial(norm_epsilon=4.0)
  out, _ = apply(module, params, x, positions, mask)
  norm = np.sqrt((np.asarray(x) ** 2).mean(-1, keepdims=True) + 4.0)
  np.testing.assert_allclose(out, x / norm, atol=1e-5)
  small = TransformerConfig(
    **SMALL | {"feed_forward": 24, "norm_epsilon": 4.0, "layers": 1}
  )
  block = Block(small)
  inputs = (x, None, positions, mask)
  params = noisy(nn.unbox(jax.jit(block.init)(jax.random.key(1), *inputs)))
  found = block.apply(params, *inputs)[0]
  other = Block(dataclasses.replace(small, norm_epsilon=1e-6))
  assert np.abs(found - other.apply(params, *inputs)[0]).max() > 1e-2


def test_lora_reaches_every_product_of_a_block():
  _, params, _ = initial(lora=layers.Lora(rank=3))
  blocks = params["params"]["blocks"]
  adapted = {
    (part, name): blocks[part][name]["lora_a"].shape
    for part, name in (
      ("attention", "qkv"),
      ("attention", "out"),
      ("mlp", "gate"),
      ("mlp", "up"),
      ("mlp", "down"),
    )
  }
  assert set(adapted.values()) == {(2, 16, 3), (2, 24, 3)}


def test_unstacked_parameters_give_the_same_states_and_cache():
  module, params, inputs = build(layers=3)
  apart = unstacked(params)
  assert set(apart["params"]) == {"block_0", "block_1", "block_2", "norm"}
  for ours, theirs in zip(
    jax.tree.leaves(apply(module, apart, *inputs)),
    jax.tree.leaves(apply(module, params, *inputs)),
    strict=True,
  ):
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_unstacked_layers_keep_their_order():
  blocks = {"kernel": np.arange(3)}
  tree = {"params": {"inner": {"blocks": blocks}, "norm": np.zeros(2)}}
  found = unstacked(tree)["params"]["inner"]
  assert {name: int(one["kernel"]) for name, one in found.items()} == {
    "block_0": 0,
    "block_1": 1,
    "block_2": 2,
  }
