"""The targets of published recipes, on our networks."""

import dataclasses
import math

import jax
import pytest
from flax import linen as nn

from gr_jax.diffusion.networks import lora_targets
from gr_jax.diffusion.networks.presets import PRESETS, build_network
from gr_jax.nn.flat_tree import flatten
from gr_jax.nn.lora import split_lora

# By stacks, the layers that have a change.
LAYERS = {
  "sana_1600m": {
    "blocks": {
      "attention/qkv", "attention/out", "cross/q", "cross/kv", "cross/out",
    },
  },
  "sd3_5_large": {
    "double": {"picture/qkv", "picture/out", "text/qkv", "text/out"},
    "last": {"picture/qkv", "picture/out", "text/qkv"},
  },
  "flux_12b": {"double": {"picture/qkv", "picture/out"}, "single": {"in"}},
}  # fmt: skip


def adapter_of(name, *, more=()):
  """The shapes of the adapter of a preset."""
  preset = PRESETS[name]
  lora = lora_targets.published_lora(preset.network)
  lora = dataclasses.replace(lora, targets=(*lora.targets, *more))
  network = build_network(dataclasses.replace(preset.network, lora=lora))
  shapes = jax.eval_shape(network.init, jax.random.key(0), *preset.inputs(1))
  return flatten(split_lora(nn.unbox(shapes))[0]["params"])


def layers(adapter):
  found = {}
  for path in adapter:
    found.setdefault(path[0], set()).add("/".join(path[1:-1]))
  return found


@pytest.mark.parametrize("name", PRESETS)
def test_the_targets_are_those_of_the_recipe(name):
  adapter = adapter_of(name)
  assert layers(adapter) == LAYERS[name]
  assert {x.shape[-1] for p, x in adapter.items() if p[-1] == "lora_a"} == {32}
  trained = sum(math.prod(x.shape) for x in adapter.values())
  # About a hundredth of the parameters move.
  assert 0.001 < trained / PRESETS[name].parameters < 0.02


def test_adaptive_norms_can_be_targets_too():
  more = lora_targets.MODULATIONS
  assert "" in layers(adapter_of("sana_1600m", more=more))["modulation"]
  found = layers(adapter_of("sd3_5_large", more=more))
  assert found["double"] - LAYERS["sd3_5_large"]["double"] == {
    "picture/modulation/parts",
    "text/modulation/parts",
  }
  assert "last_modulation" not in found
