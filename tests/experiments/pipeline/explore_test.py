import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from configs import eg_grpo
from experiments.pipeline.explore import (
  exploration,
  explorer,
  explorer_sample,
)
from gr_jax.quantization.qtensor import QTensor
from gr_jax.rl.explore import Exploration

PARAMS = {
  "params": {
    "dense": {"kernel": jnp.ones((64, 64)), "bias": jnp.ones(64)},
    "narrow": {"kernel": jnp.ones((16, 64))},
  }
}


def section(**explore):
  config = eg_grpo.section()
  config.explore.update(explore)
  return config


def test_without_candidates_nothing_explores():
  assert exploration(section()) is None
  assert explorer(section(), PARAMS) is None
  config = section()
  del config.explore
  assert exploration(config) is None


def test_the_group_is_what_is_learned_of_the_candidates():
  assert exploration(section(candidates=32)) == Exploration(32, 8)


def test_candidates_of_unchanged_weights_are_of_the_old_policy():
  found = explorer(section(candidates=32), PARAMS)
  assert found(PARAMS) is PARAMS


def test_a_format_is_that_of_the_wide_kernels():
  make = explorer(section(candidates=32, weights="nvfp4"), PARAMS)
  found = jax.jit(make)(PARAMS)["params"]
  assert isinstance(found["dense"]["kernel"], QTensor)
  assert not isinstance(found["narrow"]["kernel"], QTensor)
  assert found["dense"]["bias"].dtype == jnp.float32


def test_w4a4_rounds_activations_and_w4a16_does_not():
  """One layer, whose kernel and whose inputs are no numbers of NVFP4."""
  layer, x = nn.Dense(64), jnp.linspace(0.1, 3, 64)[None]
  kernel = jax.random.normal(jax.random.key(0), (64, 64))
  params = {"params": {"kernel": kernel, "bias": jnp.ones(64)}}
  whole = {"candidates": 32, "weights": "nvfp4"}
  quantized = explorer(section(**whole), params)(params)
  expected = nn.unbox(quantized)["params"]["kernel"]

  def error(products):
    config = section(**whole, products=products)
    found = explorer_sample(config, layer.apply)(quantized, x)
    return float(jnp.abs(found - (x @ expected + 1)).max())

  # Activations in bfloat16 lose a hundredth of what those in four bits do.
  assert error("w4a16") < 0.1 < error("w4a4")
  assert explorer_sample(section(), layer.apply) == layer.apply


@pytest.mark.parametrize(
  ("explore", "words"),
  [
    ({"candidates": 4}, r"candidates \(4\) must be at least"),
    ({"weights": "nvfp4"}, "nothing explores: set align.explore.candidates"),
    ({"candidates": 32, "weights": "fp3"}, "'fp3'.*nvfp4"),
    ({"candidates": 32, "products": "w2a2"}, "'w2a2'.*w4a4"),
    ({"candidates": 32, "products": "w4a4"}, "name the format"),
  ],
)
def test_what_cannot_be_is_refused_before_anything_runs(explore, words):
  with pytest.raises(ValueError, match=words):
    exploration(section(**explore))


def test_a_network_of_narrow_kernels_is_refused():
  narrow = {"params": {"narrow": PARAMS["params"]["narrow"]}}
  with pytest.raises(ValueError, match="take a wider network"):
    explorer(section(candidates=32, weights="nvfp4"), narrow)
