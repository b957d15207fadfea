"""One list of laws over SANA's, SD3's and FLUX's arrangement.

Laws of one alone are in `mm_dit_test` and `sana_test`.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.diffusion.networks.presets import build_network
from gr_jax.nn.layers import Lora
from gr_jax.parallel.mesh import (
  MeshConfig,
  batch_sharding,
  make_mesh,
  parameter_shardings,
)
from tests.reference.small_flow import (
  CONFIGS,
  apply,
  first_params,
  inputs,
  noisy,
  of_noise,
)

# SANA's layer "modulation" is one for all blocks.
BLOCKS = ("blocks", "double", "single", "last", "modulation")
every_network = pytest.mark.parametrize("name", CONFIGS)


@every_network
def test_the_velocity_is_zero_at_first(name):
  found = apply(name)(first_params(name), *inputs())
  np.testing.assert_array_equal(found, np.zeros(inputs()[0].shape))


@every_network
def test_pictures_times_and_words_are_read_and_padding_is_not(name):
  x, t, text = inputs()
  params, plain = noisy(first_params(name)), of_noise(name)
  assert plain.shape == x.shape
  assert np.abs(plain).mean() > 0.1

  def change(x=x, t=t, text=text):
    return np.abs(apply(name)(params, x, t, text) - plain).max()

  assert change(x=x.at[:, 0, 0].add(1.0)) > 1e-3
  assert change(t=t + 0.1) > 1e-3
  words = text.states.at[:, 0].add(1.0)
  assert change(text=text.replace(states=words)) > 1e-3
  padding = text.states.at[:, 3].add(1.0)
  assert change(text=text.replace(states=padding)) < 1e-4
  pooled = change(text=text.replace(pooled=text.pooled + 1))
  # SANA has no vector of the whole text.
  assert (pooled > 1e-3) == (name != "sana")


@every_network
def test_rows_do_not_see_each_other(name):
  x, t, text = inputs()
  order = np.array([2, 0, 1])
  turned = jax.tree.map(lambda a: a[order], (x, t, text))
  found = apply(name)(noisy(first_params(name)), *turned)
  np.testing.assert_array_equal(found, of_noise(name)[order])


@every_network
def test_a_pixel_reaches_the_whole_picture(name):
  x, t, text = inputs()
  moved = apply(name)(
    noisy(first_params(name)), x.at[:, 0, 0].add(1.0), t, text
  )
  assert (np.abs(moved - of_noise(name)).max(axis=(0, 3)) > 1e-6).all()


@every_network
def test_all_axes_of_parameters_have_names_that_a_mesh_can_split(name):
  network = build_network(CONFIGS[name])
  boxed = jax.eval_shape(network.init, jax.random.key(0), *inputs())
  for leaf in jax.tree.leaves(boxed, is_leaf=lambda x: hasattr(x, "names")):
    assert None not in leaf.names
  mesh = make_mesh(MeshConfig(fsdp=2, model=2), jax.devices()[:4])
  shardings = parameter_shardings(boxed, mesh)
  sharded = [not s.is_fully_replicated for s in jax.tree.leaves(shardings)]
  assert np.mean(sharded) > 0.5


@pytest.mark.slow
@every_network
def test_a_network_that_devices_share_computes_what_one_does(name):
  mesh = make_mesh(MeshConfig(fsdp=2, model=2), jax.devices()[:4])
  network, params = build_network(CONFIGS[name]), noisy(first_params(name))
  rows = jax.tree.map(lambda x: jnp.repeat(x[:2], 2, axis=0), inputs())
  boxed = jax.eval_shape(network.init, jax.random.key(0), *rows)
  shared = jax.device_put(params, parameter_shardings(boxed, mesh))
  with jax.set_mesh(mesh):
    split = jax.device_put(rows, batch_sharding(mesh))
    found = jax.jit(network.apply)(shared, *split)
  expected = jax.jit(network.apply)(params, *rows)
  np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@every_network
def test_every_linear_layer_has_the_product_that_is_put_in(name):
  seen = []

  def product(x, w, dims, **kwargs):
    seen.append(w.shape)
    return jax.lax.dot_general(x, w, dims, **kwargs)

  network = build_network(CONFIGS[name], product)
  params = first_params(name)
  jax.eval_shape(network.apply, params, *inputs())
  kernels = {
    path[-3].key: leaf.shape[-2:]
    for path, leaf in jax.tree.leaves_with_path(params)
    if path[-1].key == "kernel" and path[-2].key == "dense"
  }
  assert set(seen) >= set(kernels.values())


@every_network
def test_every_product_of_a_block_can_have_a_change_of_low_rank(name):
  config = dataclasses.replace(CONFIGS[name], lora=Lora(rank=2))
  init = build_network(config).init
  shapes = nn.unbox(jax.eval_shape(init, jax.random.key(0), *inputs()))
  paths = [path for path, _ in jax.tree.leaves_with_path(shapes)]
  changed = {path[:-1] for path in paths if path[-1].key == "lora_a"}
  products = {path[:-2] for path in paths if path[-2].key == "dense"}
  outside = {path for path in products if path[1].key not in BLOCKS}
  assert changed == products - outside
