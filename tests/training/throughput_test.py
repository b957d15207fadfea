import jax
import jax.numpy as jnp

from gr_jax.training.throughput import dense_flops, matmul_peak


def test_peak_is_a_rate():
  rate = matmul_peak(64, 32, 32, dot_general=jax.lax.dot_general)
  assert 1e6 < rate < 1e15


def test_six_operations_a_weight_and_position():
  blocks = {"kernel": jnp.ones((2, 3, 5)), "scale": jnp.ones((2, 3))}
  params = {"params": {"transformer": {"blocks": blocks}}}
  assert dense_flops(params, 7) == 6 * (2 * 3 * 5) * 7
