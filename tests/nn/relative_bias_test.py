import math

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.nn.relative_bias import (
  RelativeBias,
  distance_buckets,
  offset_buckets,
)


@given(st.integers(0, 1000))
def test_far_distances_share_buckets_that_grow_like_a_logarithm(distance):
  found = int(distance_buckets(jnp.asarray(distance)))
  if distance < 16:
    assert found == distance
  else:
    exact = 16 + 16 * math.log(distance / 16) / math.log(128 / 16)
    # A bound is met to rounding only.
    assert found in {min(int(exact + e), 31) for e in (-1e-5, 0, 1e-5)}


def test_buckets_of_t5():
  """Values of Hugging Face's T5, 32 buckets and a distance of 128."""
  offsets = [-200, -128, -50, -20, -9, -8, -7, -1, 0, 1, 7, 8, 9, 20, 50, 200]
  both = [15, 15, 13, 10, 8, 8, 7, 1, 0, 17, 23, 24, 24, 26, 29, 31]
  assert offset_buckets(jnp.asarray(offsets)).tolist() == both
  distances = [0, 1, 15, 16, 17, 20, 30, 50, 100, 127, 128, 500]
  behind = [0, 1, 15, 16, 16, 17, 20, 24, 30, 31, 31, 31]
  assert distance_buckets(jnp.asarray(distances)).tolist() == behind


def test_a_bias_is_the_number_of_its_head_and_bucket():
  table = np.arange(3 * 32, dtype=np.float32).reshape(3, 32)
  bias = RelativeBias(3).apply(
    {"params": {"table": table}}, jnp.array([[0, 5], [31, 2]])
  )
  assert bias[1].tolist() == [[32, 37], [63, 34]]


def test_a_bias_starts_at_zero():
  bias, _ = RelativeBias(2).init_with_output(
    jax.random.key(0), jnp.zeros((2, 3), int)
  )
  assert bias.shape == (2, 2, 3)
  assert not bias.any()
