"""The relative bias is a sum of two rows of tables."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.nn.relative_time_bias import (
  BUCKETS,
  Relation,
  RelativeBias,
  time_bucket,
)


@given(st.integers(-(2**30), 2**30))
def test_buckets_are_those_of_the_formula(seconds):
  found = int(time_bucket(jnp.array(seconds)))
  exact = np.log(max(1, abs(seconds))) / 0.301
  # Float32 may fall on the other side of a border.
  assert found in {int(exact - 1e-4), int(exact + 1e-4)}
  assert 0 <= found < BUCKETS


def test_the_bias_is_what_the_tables_hold():
  relation = Relation(
    jnp.array([[[0, -1, -2], [1, 0, -1], [7, 1, 0]]]),
    time_bucket(jnp.array([[[0, 5, 9], [60, 0, 1], [10**6, 3, 0]]])),
  )
  module = RelativeBias(4)
  params = nn.unbox(jax.jit(module.init)(jax.random.key(0), relation))
  found = np.asarray(module.apply(params, relation))
  places, times = (
    np.asarray(params["params"][name]) for name in ("places", "times")
  )
  bucket = np.asarray(relation.bucket)
  assert found[0, 1, 0] == places[1] + times[bucket[0, 1, 0]]
  assert found[0, 0, 2] == places[0] + times[bucket[0, 0, 2]]
  # What is further away than the table has the last row.
  assert found[0, 2, 0] == places[3] + times[bucket[0, 2, 0]]
