import jax
import jax.numpy as jnp
import pytest

from configs import eg_grpo
from experiments.pipeline.explore import exploration, explorer
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


@pytest.mark.parametrize(
  ("explore", "words"),
  [
    ({"candidates": 4}, r"candidates \(4\) must be at least"),
    ({"weights": "nvfp4"}, "nothing explores: set align.explore.candidates"),
    ({"candidates": 32, "weights": "fp3"}, "'fp3'.*nvfp4"),
  ],
)
def test_what_cannot_be_is_refused_before_anything_runs(explore, words):
  with pytest.raises(ValueError, match=words):
    exploration(section(**explore))


def test_a_network_of_narrow_kernels_is_refused():
  narrow = {"params": {"narrow": PARAMS["params"]["narrow"]}}
  with pytest.raises(ValueError, match="take a wider network"):
    explorer(section(candidates=32, weights="nvfp4"), narrow)
