"""Programs of flow models; CPUs stand in for the targets."""

import functools
import math
import types

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from gr_jax.diffusion.networks.presets import Preset
from gr_jax.nn.flat_tree import flatten
from gr_jax.parallel.mesh import FSDP, MeshConfig, make_mesh
from gr_jax.quantization import products
from gr_jax.quantization.qtensor import QTensor
from tests.reference.small_flow import CONFIGS, SIDE, WIDE
from tools.ahead import data_sheets, pictures, rows
from tools.ahead.products import product_flops
from tools.ahead.targets import Target

SIZES = pictures.Sizes(rollout=3, update=2)


@functools.cache
def tiny(name):
  return pictures.model(Preset(CONFIGS[name], 0, SIDE, WIDE, 4, 6), SIZES)


@functools.cache
def published(name):
  return pictures.model(pictures.PRESETS[name], pictures.SIZES[name])


def mesh(**sizes):
  return make_mesh(MeshConfig(**sizes), jax.devices()[:2])


def test_no_number_of_a_published_network_is_made():
  for name in pictures.NAMES:
    given = published(name)
    leaves = jax.tree.leaves((given.adapter, given.base, given.explorer))
    assert all(isinstance(x, jax.ShapeDtypeStruct) for x in leaves)
    base = nn.unbox(given.base)
    count = sum(math.prod(x.shape) for x in jax.tree.leaves(base))
    assert count == pytest.approx(given.preset.parameters, rel=2e-3)
    types_ = {x.dtype for x in jax.tree.leaves(given.adapter)}
    assert types_ == {jnp.dtype(jnp.float32)}


def test_weights_in_four_bits_are_split_as_their_kernels_are():
  given, two = tiny("sana"), mesh(fsdp=2)
  found = pictures._placed_quantized(given.explorer, given.base, two)
  whole = flatten(given.explorer)
  kinds = set()
  for path, leaf in flatten(found).items():
    kinds.add(isinstance(leaf, QTensor))
    for here, there in zip(jax.tree.leaves(leaf), jax.tree.leaves(whole[path])):
      assert (here.shape, here.dtype) == (there.shape, there.dtype)
  assert kinds == {True, False}
  kernel = found["params"]["blocks"]["mlp"]["in"]["dense"]["kernel"]
  # [layers, F, D / 2]: D is "embed".
  assert kernel.codes.sharding.spec[2] == FSDP
  assert kernel.codes.sharding.spec[:2] == (None, None)


def test_products_of_a_rollout_are_those_of_its_dense_layers():
  given = published("sana_1600m")
  here = make_mesh(MeshConfig(), jax.devices()[:1])
  with jax.set_mesh(here):
    made = pictures.program("rollout", given, here)
  found = product_flops(made.traced.jaxpr.jaxpr)
  assert made.dense == 10 * pictures.forward_flops(given, 24)
  # Besides: linear attention, that of the texts, and the adapter.
  assert 0.95 < made.dense / sum(found.values()) < 1


def test_a_device_explores_with_the_product_that_it_has():
  blackwell = types.SimpleNamespace(platform="gpu", compute_capability="12.0")
  hopper = types.SimpleNamespace(platform="gpu", compute_capability="9.0")
  assert pictures.product_of(blackwell) is not products.w4a16
  assert pictures.product_of(hopper) is products.w4a16
  assert pictures.product_of(jax.devices()[0]) is products.w4a16


def test_weights_that_fill_a_quarter_of_a_device_are_split():
  def config(kind, gib):
    sheet = data_sheets.DataSheet(gib * data_sheets.GIB, {}, 1)
    target = Target("x", [None] * 8, sheet)
    return pictures.mesh_config(kind, published("flux_12b"), target)

  # 22.2 GiB in bfloat16.
  assert config("rollout", 141) == MeshConfig()
  assert config("update", 32) == MeshConfig(fsdp=4)
  assert config("update", 16) == MeshConfig(fsdp=8)
  assert config("explore", 32) == MeshConfig()


@pytest.mark.slow
@pytest.mark.parametrize("kind", pictures.KINDS)
@pytest.mark.parametrize("name", CONFIGS)
def test_every_program_compiles_and_is_shared(kind, name):
  peaks = dict.fromkeys(("float32", "bfloat16"), 1e12)
  sheet = data_sheets.DataSheet(4 << 30, peaks, bandwidth=1e12, link=1e11)
  target = Target("cpu", jax.devices()[:2], sheet)
  given, two = tiny(name), mesh(fsdp=2)
  make = functools.partial(pictures.program, kind, given, two)
  found = rows.figures(*rows.compile_row(make, target, two), sheet)
  assert found["fits"]
  each = SIZES.update if kind == "update" else SIZES.rollout
  assert (found["work"], found["unit"]) == (2 * each, "pictures")
  assert found["collectives"]
  assert 0.2 < found["dense_flops"] / sum(found["flops"].values()) < 1
