import functools

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.load import load_params
from gr_jax.nn.transformer import TransformerConfig, unstacked
from gr_jax.quantization import packing
from gr_jax.quantization.blocks import Tiles
from gr_jax.quantization.modes import MODES
from gr_jax.quantization.nvfp4 import Modelopt, Torchao
from gr_jax.quantization.policy import Policy, quantize_params
from gr_jax.quantization.qtensor import QTensor, quantize_array
from tests.reference import small_policy
from tests.reference.noisy import noisy
from tests.reference.quantized import KINDS, quantized, there_and_back
from tests.reference.small_pretrained import QWEN, write_model
from tests.reference.small_world import semantic_ids, writer

X = jax.random.normal(jax.random.key(0), (3, 64, 32))
ONES = jnp.ones((256, 256))
ALL = Policy(min_dim=16)


def dequantized(tree):
  """The tree with arrays for `QTensor`s, and how many there were."""
  leaves = jax.tree.leaves(tree, is_leaf=lambda x: isinstance(x, QTensor))
  count = sum(isinstance(x, QTensor) for x in leaves)
  return nn.unbox(tree), count


@pytest.mark.parametrize("mode", KINDS)
def test_it_is_the_array_that_rounding_gives(mode):
  found = quantized(X, MODES[mode])
  wanted = there_and_back(jnp.swapaxes(X, 1, 2), MODES[mode])
  np.testing.assert_array_equal(found.dequantize(), jnp.swapaxes(wanted, 1, 2))
  assert found.shape == X.shape
  assert (found.ndim, found.size) == (X.ndim, X.size)


@pytest.mark.parametrize("mode", KINDS)
def test_it_takes_half_a_byte_a_weight_and_its_scales(mode):
  found = quantized(ONES, MODES[mode])
  stored = sum(
    shard.data.on_device_size_in_bytes()
    for part in jax.tree.leaves(found)
    for shard in part.addressable_shards[:1]
  )
  assert found.nbytes == stored
  assert found.nbytes <= 0.57 * found.size


def test_every_pair_of_a_scale_s_byte_and_two_codes_is_their_product():
  scales, pairs = np.meshgrid(*2 * [np.arange(256, dtype=np.uint8)])
  scales = scales.reshape(-1, 1).view(ml_dtypes.float8_e4m3fn)
  pairs = pairs.reshape(-1, 1).repeat(8, axis=-1)
  t = np.float32(0.37)
  found = QTensor(
    jnp.asarray(pairs), jnp.asarray(scales), t, Modelopt(), axis=-1
  )
  codes = np.stack([pairs & 15, pairs >> 4], -1).reshape(-1, 16)
  values = codes.view(ml_dtypes.float4_e2m1fn).astype(np.float32)
  wanted = values * (scales.astype(np.float32) * t)
  np.testing.assert_array_equal(jax.jit(QTensor.dequantize)(found), wanted)


def test_both_axes_and_tiles_say_the_same_of_the_same_blocks():
  kernel = quantized(X, Torchao())
  torch = quantized(jnp.swapaxes(X, 1, 2), Torchao(), axis=-1)
  np.testing.assert_array_equal(kernel.codes, torch.codes)
  np.testing.assert_array_equal(
    kernel.dequantize(), jnp.swapaxes(torch.dequantize(), 1, 2)
  )
  tiles = quantized(X, Torchao(), blocks=Tiles(16))
  assert tiles.scales.shape == kernel.scales.shape
  rows = there_and_back(jnp.swapaxes(X, 1, 2), Torchao(), blocks=Tiles(16))
  np.testing.assert_array_equal(tiles.dequantize(), jnp.swapaxes(rows, 1, 2))


def test_the_scaled_codes_are_exact_in_bfloat16():
  found = quantized(X, Torchao())
  scaled = found.scaled_codes()
  np.testing.assert_array_equal(
    scaled, scaled.astype(jnp.bfloat16).astype(jnp.float32)
  )
  np.testing.assert_allclose(
    jnp.swapaxes(scaled * found.tensor_scale[:, None, None], 1, 2),
    found.dequantize(),
    rtol=1e-6,
  )


def test_it_is_an_array_where_jax_takes_one_and_keeps_its_type():
  found = quantized(X.astype(jnp.bfloat16), Torchao())
  assert found.dtype == jnp.bfloat16
  assert found.dequantize().dtype == jnp.bfloat16
  np.testing.assert_array_equal(jnp.asarray(found), found.dequantize())
  np.testing.assert_array_equal(jnp.abs(found), jnp.abs(found.dequantize()))


def test_a_value_that_replaces_it_is_no_qtensor():
  """As after `jax.tree.map` over boxes, when Flax puts results in them."""
  assert quantized(X, Torchao()).replace_boxed(X) is X


def test_other_axes_and_vectors_are_an_error():
  with pytest.raises(ValueError, match="got axis 0 of shape"):
    quantize_array(X, Torchao(), axis=0)
  with pytest.raises(ValueError, match=r"got axis -2 of shape \(64,\)"):
    quantize_array(X[0, :, 0], Torchao())
  with pytest.raises(ValueError, match="stacked along axis 0, not 1"):
    quantized(X, Torchao()).add_axis(1, {})


@functools.cache
def decoder_only():
  return small_policy.model(), small_policy.params(), small_policy._arguments()


@functools.cache
def encoder_decoder():
  config = TransformerConfig(
    layers=2,
    width=16,
    heads=2,
    kv_heads=1,
    head_size=8,
    feed_forward=32,
    unroll=1,
  )
  model = EncoderDecoder(
    config, writer()._vocabulary.prompt_size, semantic_ids().level_sizes
  )
  inputs = small_policy._arguments()
  made = jax.jit(model.init)(jax.random.key(0), *inputs)
  return model, noisy(nn.unbox(made)), inputs


def pretrained(folder):
  write_model(folder, QWEN)
  tokens = np.arange(14).reshape(2, 7)
  inputs = tokens, np.ones(tokens.shape, bool)
  return make_decoder(QWEN), load_params(folder, QWEN), inputs


@pytest.mark.parametrize("name", ["decoder", "encoder-decoder", "pretrained"])
def test_models_read_it_as_they_read_the_array(name, tmp_path):
  makers = {
    "decoder": decoder_only,
    "encoder-decoder": encoder_decoder,
    "pretrained": lambda: pretrained(tmp_path),
  }
  model, params, inputs = makers[name]()
  packed = quantize_params(params, ALL, "modelopt")
  arrays, count = dequantized(packed)
  assert count >= 4
  apply = jax.jit(model.apply)
  found, wanted, exact = (
    jax.tree.leaves(apply(tree, *inputs)) for tree in (packed, arrays, params)
  )
  for ours, theirs, before in zip(found, wanted, exact):
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert np.abs(ours - before).max() > 1e-3


def test_unstacked_layers_are_read_as_well():
  model, params, inputs = decoder_only()
  packed = quantize_params(params, ALL, "modelopt")
  np.testing.assert_allclose(
    jax.jit(model.apply)(unstacked(packed), *inputs)[0],
    jax.jit(model.apply)(packed, *inputs)[0],
    atol=1e-5,
  )


def test_a_scan_dequantizes_a_layer_at_a_time():
  """Nothing of the shape of all layers' kernels is in the program."""

  class Layer(nn.Module):
    @nn.compact
    def __call__(self, x, _):
      return nn.Dense(48)(nn.Dense(80)(x)), None

  stack = nn.scan(
    Layer, variable_axes={"params": 0}, split_rngs={"params": True}, length=5
  )()
  x = jnp.ones((2, 48))
  params = jax.jit(stack.init)(jax.random.key(0), x, None)
  packed = quantize_params(params, ALL, "torchao")
  assert dequantized(packed)[1] == 2
  text = jax.jit(stack.apply).lower(packed, x, None).compile().as_text()
  assert "f32[80,48]" in text or "f32[48,80]" in text
  assert "f32[5,48,80]" not in text
  assert "f32[5,80,48]" not in text


def test_codes_lie_as_products_read_them():
  """Of a kernel `[D, F]`, row `f` of the codes is column `f`."""
  found = quantized(X[0], Modelopt())
  assert found.codes.shape == (32, 32)
  assert found.scales.shape == (32, 4)
  assert found.tensor_scale.shape == ()
  codes = packing.unpack(found.codes)[5].reshape(4, 16)
  wanted = X[0, :, 5].reshape(4, 16)
  largest = np.abs(np.asarray(wanted)).argmax(axis=-1)
  assert (codes[np.arange(4), largest] & 7 >= 6).all()


@pytest.mark.parametrize(
  "spec", [P(None, None, "model"), P(None, "model"), P(None, "data", "model")]
)
def test_a_kernel_split_over_devices_has_the_same_bits_and_stays_split(spec):
  devices = np.array(jax.devices()).reshape(4, 2)
  mesh = Mesh(devices, ("data", "model"))
  place = NamedSharding(mesh, spec)
  found = quantized(jax.device_put(X, place), Modelopt())
  whole = quantized(X, Modelopt())
  for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(whole)):
    np.testing.assert_array_equal(ours, theirs)
  assert not found.codes.sharding.is_fully_replicated
