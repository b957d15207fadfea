"""The skip lists of Sol-RL, on our networks."""

import functools

import jax
import pytest
from flax import linen as nn

from gr_jax.diffusion.networks.presets import PRESETS, build_network
from gr_jax.diffusion.networks.skip_lists import published_policy
from gr_jax.quantization import policy
from gr_jax.quantization.policy import decisions, quantize_params
from tests.reference.small_flow import MODEL, first_model_params

QUANTIZED = {
  "sana_1600m": {"blocks/cross/kv", "blocks/mlp/in", "blocks/mlp/out"},
  "sd3_5_large": {
    f"{stack}/picture/mlp_{side}"
    for stack in ("double", "last")
    for side in ("in", "out")
  },
  "flux_12b": {"single/in", "single/out", "single/modulation/parts"}
  | {
    f"double/{stream}/{layer}"
    for stream in ("picture", "text")
    for layer in ("qkv", "out", "mlp_in", "mlp_out", "modulation/parts")
  },
}


@functools.cache
def decided(name):
  """What becomes of the parameters of a preset, in bfloat16, as shapes."""
  preset = PRESETS[name]
  network, wanted = build_network(preset.network), published_policy
  shapes = nn.unbox(
    jax.eval_shape(network.init, jax.random.key(0), *preset.inputs(1))
  )
  params = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, "bfloat16"), shapes
  )
  chosen = wanted(preset.network)
  found = jax.eval_shape(
    lambda params: quantize_params(params, chosen, "torchao"), params
  )
  return decisions(params, found, chosen)


def quantized(found):
  """The layers that are, without "params" and "dense/kernel"."""
  return {
    each.path.removeprefix("params/").removesuffix("/dense/kernel")
    for each in found
    if each.reason is None
  }


@pytest.mark.parametrize("name", PRESETS)
def test_the_layers_in_four_bits_are_those_of_the_recipe(name):
  assert quantized(decided(name)) == QUANTIZED[name]


def test_the_table_of_sana_has_its_bytes():
  """953.3 of 1,604.5 million weights have 4 bits and a scale."""
  lines = policy.table(decided("sana_1600m")).splitlines()
  rows = {line.split("  ")[0]: line.split() for line in lines}
  weights = 20 * (2240 * 4480 + 2240 * 11200 + 5600 * 2240)
  before, after, each = rows["all quantized"][-3:]
  assert before == f"{2 * weights:,}"
  # 3 x 20 tensor scales.
  assert after == f"{weights // 2 + weights // 16 + 240:,}"
  assert each == "0.563"
  assert rows["all"][-3] == f"{2 * 1_604_462_752:,}"
  stays = {line.split("(")[1].split(")")[0] for line in lines if "(" in line}
  assert "not wider than 2240" in stays
  assert {f"skipped: {name}" for name in ("patches", "time", "qkv")} < stays


def test_square_products_stay_in_a_network_of_any_width():
  params, wanted = first_model_params(), published_policy(MODEL.network)
  found = jax.eval_shape(
    lambda params: quantize_params(params, wanted, "torchao"), params
  )
  layers = quantized(decisions(params, found, wanted))
  assert layers == {f"network/{layer}" for layer in QUANTIZED["sd3_5_large"]}
