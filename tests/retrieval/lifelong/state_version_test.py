"""A version changes with what sums are made of, and with nothing else."""

import jax.numpy as jnp
import numpy as np

from gr_jax.retrieval.lifelong.state_version import state_version

PARAMS = {"a": {"kernel": jnp.arange(6.0).reshape(2, 3)}, "b": jnp.ones(2)}


def test_equal_parameters_have_one_version():
  copied = {"b": np.ones(2, "float32"), "a": {"kernel": PARAMS["a"]["kernel"]}}
  assert state_version(copied) == state_version(PARAMS)
  assert state_version(PARAMS, {"x": 1, "y": 2}) == state_version(
    PARAMS, {"y": 2, "x": 1}
  )


def test_what_differs_in_anything_has_another():
  kernel = PARAMS["a"]["kernel"]
  versions = [
    state_version(PARAMS),
    state_version(PARAMS, {"x": 1}),
    state_version(PARAMS, {"x": 2}),
    state_version(PARAMS | {"b": jnp.ones(2).at[1].add(1e-7)}),
    state_version(PARAMS | {"b": jnp.ones(2, jnp.bfloat16)}),
    state_version({"a": {"kernel": kernel.reshape(3, 2)}, "b": PARAMS["b"]}),
    state_version({"c": PARAMS["a"], "b": PARAMS["b"]}),
  ]
  assert len(set(versions)) == len(versions)
