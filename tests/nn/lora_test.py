"""Changes of low rank on the networks of flow models; decoders have their own
tests of them."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.diffusion.networks.presets import build_network
from gr_jax.nn.flat_tree import flatten
from gr_jax.nn.layers import Lora
from gr_jax.nn.lora import (
  ADAPTER,
  FROZEN,
  add_lora,
  in_one,
  join_lora,
  merge_lora,
  split_lora,
)
from tests.reference.small_flow import (
  CONFIGS,
  apply,
  first_params,
  inputs,
  noisy,
)

LORA = Lora(rank=2, alpha=6.0)
every_network = pytest.mark.parametrize("name", CONFIGS)
compiled = pytest.mark.parametrize("name", ["sana", "flux"])


def network(name, lora=LORA):
  return build_network(dataclasses.replace(CONFIGS[name], lora=lora))


@functools.cache
def changed(name):
  """The compiled network with LoRA."""
  return jax.jit(network(name).apply)


@functools.cache
def adapted(name):
  """A network with noise for parameters, that of its `B` as well."""
  return noisy(add_lora(first_params(name), jax.random.key(0), LORA), seed=1)


@compiled
def test_a_change_that_is_added_begins_as_nothing(name):
  params = noisy(first_params(name))
  added = add_lora(params, jax.random.key(0), LORA)
  found = changed(name)(added, *inputs())
  np.testing.assert_array_equal(found, apply(name)(params, *inputs()))


@every_network
@pytest.mark.parametrize("targets", [("*",), ("*/out", "*modulation*")])
def test_the_tree_is_that_of_the_network(name, targets):
  lora = dataclasses.replace(LORA, targets=targets)
  init = network(name, lora).init
  wanted = nn.unbox(jax.eval_shape(init, jax.random.key(0), *inputs()))
  added = add_lora(first_params(name), jax.random.key(0), lora)
  assert jax.tree.map(jnp.shape, added) == jax.tree.map(
    lambda x: x.shape, wanted
  )


@compiled
def test_a_merged_network_computes_what_the_changed_one_does(name):
  params = adapted(name)
  found = changed(name)(params, *inputs())
  merged = merge_lora(params, LORA)
  assert jax.tree.structure(merged) == jax.tree.structure(first_params(name))
  plain = apply(name)(merged, *inputs())
  np.testing.assert_allclose(found, plain, rtol=1e-2, atol=1e-2)
  _, base = split_lora(params)
  assert np.abs(found - apply(name)(base, *inputs())).max() > 0.1


def test_an_adapter_and_its_base_are_the_parameters_again():
  params = adapted("sana")
  adapter, base = split_lora(params)
  assert {path[-1] for path in flatten(adapter)} == set(ADAPTER)
  assert not {path[-1] for path in flatten(base)} & set(ADAPTER)
  jax.tree.map(np.testing.assert_array_equal, join_lora(adapter, base), params)
  variables = {"params": adapter["params"], FROZEN: base["params"]}
  jax.tree.map(np.testing.assert_array_equal, in_one(variables), params)


def test_targets_that_no_layer_has_are_named():
  lora = Lora(2, targets=("*/attentoin/*",))
  with pytest.raises(ValueError, match="attentoin"):
    add_lora(first_params("sana"), jax.random.key(0), lora)
  with pytest.raises(ValueError, match="tuple"):
    Lora(2, targets="*/attention/*")
