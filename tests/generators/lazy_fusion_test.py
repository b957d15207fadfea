import jax
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.generators.lazy_fusion import LazyFusion

FUSION = LazyFusion(width=4, positions=3)


@pytest.fixture(scope="module")
def params():
  states = np.zeros((2, 4), np.float32)
  return nn.unbox(FUSION.init(jax.random.key(0), states, states))


def test_at_the_start_a_later_position_is_the_code_before(params):
  states = jax.random.normal(jax.random.key(1), (2, 4))
  fused = FUSION.apply(params, states, 2 * states)
  np.testing.assert_array_equal(fused, 2 * states)


def test_it_is_its_equation(params):
  moved = jax.tree.map(
    lambda x: x + 0.1 * np.arange(x.size).reshape(x.shape), params
  )
  gate, fuse = (
    moved["params"][name]["dense"]["kernel"] for name in ("gate", "fuse")
  )
  m, s = (np.random.default_rng(k).normal(size=(2, 4)) for k in (0, 1))
  wanted = np.concatenate((m * (s @ gate), s), axis=-1) @ fuse
  np.testing.assert_allclose(FUSION.apply(moved, m, s), wanted, rtol=1e-5)


def test_early_positions_are_the_query_and_then_the_same_for_all(params):
  queries = np.float32(np.ones((2, 4)) * np.arange(2)[:, None])
  found = FUSION.apply(params, queries, 3, method="early_inputs")
  np.testing.assert_array_equal(found[:, 0], queries)
  np.testing.assert_array_equal(found[0, 1:], found[1, 1:])
