"""FLOPs of products that can be counted by hand."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.parallel.mesh import MeshConfig, make_mesh
from tools.ahead.products import product_flops

B, D, F = 4, 8, 16
x = np.ones((B, D), np.float32)
w = np.ones((D, F), np.float32)
ONE = 2 * B * D * F


def count(function, *inputs):
  return product_flops(jax.make_jaxpr(function)(*inputs).jaxpr)


def test_a_product_has_two_flops_for_each_term():
  assert count(jnp.matmul, x, w) == {"float32": ONE}
  assert count(jnp.matmul, x[None].repeat(3, 0), w[None].repeat(3, 0)) == {
    "float32": 3 * ONE
  }


def test_types_are_told_apart():
  narrow = count(lambda x, w: x @ w, x.astype(jnp.bfloat16), jnp.bfloat16(w))
  assert narrow == {"bfloat16": ONE}
  eighth = jnp.float8_e4m3fn
  assert count(lambda x, w: x @ w, eighth(x), eighth(w)) == {"float8": ONE}


def test_products_of_scaled_groups_are_those_of_their_numbers():
  narrow = jax.ShapeDtypeStruct((1, 32, 64), jnp.float4_e2m1fn)
  scales = jax.ShapeDtypeStruct((1, 32, 4), jnp.float8_e4m3fn)
  found = count(jax.nn.scaled_matmul, narrow, narrow, scales, scales)
  assert found == {"float4": 2 * 32 * 32 * 64}


@pytest.mark.parametrize(
  ("mask", "share"), [("MaskType.NO_MASK", 1.0), ("MaskType.CAUSAL", 0.5)]
)
@pytest.mark.parametrize(("way", "products"), [("fwd", 2), ("bwd", 5)])
def test_a_kernel_of_attention_has_two_products_and_five(
  mask, share, way, products
):
  """An equation as JAX writes it; it needs cuDNN to be traced."""
  q, k = (
    types.SimpleNamespace(aval=jax.ShapeDtypeStruct(shape, jnp.bfloat16))
    for shape in ((2, 64, 3, 32), (2, 96, 3, 32))
  )
  equation = types.SimpleNamespace(
    primitive=types.SimpleNamespace(
      name=f"dot_product_attention_{way}_wrapper"
    ),
    invars=[q, k, k],
    params={"mask_type": mask},
  )
  found = product_flops(types.SimpleNamespace(eqns=[equation]))
  one = 2 * 2 * 3 * 64 * 96 * 32
  assert found == {"bfloat16": share * products * one}


def test_gradients_have_two_products_more():
  found = count(jax.grad(lambda x, w: (x @ w).sum(), (0, 1)), x, w)
  assert found == {"float32": 3 * ONE}


def layers(x, weights, block=lambda x, w: (jnp.sin(x @ w @ w.T), None)):
  return jax.lax.scan(block, x, weights)[0].sum()


def test_loops_count_each_turn_and_what_is_computed_again():
  weights = np.stack([w] * 5)
  assert count(layers, x, weights) == {"float32": 5 * 2 * ONE}
  again = jax.checkpoint(
    lambda x, w: (jnp.sin(x @ w @ w.T), None), prevent_cse=False
  )
  # Six: of the second pass the last product of a block is not needed.
  found = count(jax.grad(lambda x, w: layers(x, w, again)), x, weights)
  assert 5 * 5 * ONE <= found["float32"] <= 5 * 8 * ONE
  assert found["float32"] > count(jax.grad(layers), x, weights)["float32"]


def test_of_branches_the_dearest_counts():
  def branch(which, x):
    return jax.lax.cond(which, lambda x: x @ w @ w.T, lambda x: x + 1, x)

  assert count(branch, True, x) == {"float32": 2 * ONE}


def test_all_devices_count_together():
  mesh = make_mesh(MeshConfig())
  rows = np.ones((8 * B, D), np.float32)

  def one(x, w):
    return x @ w

  mapped = jax.shard_map(
    one, mesh=mesh, in_specs=(jax.P("data"), jax.P()), out_specs=jax.P("data")
  )
  assert count(mapped, rows, w) == {"float32": 8 * ONE}
  assert count(one, rows, w) == {"float32": pytest.approx(8 * ONE)}
