"""Bytes of programs that XLA compiles for the CPUs of this machine."""

import jax
import jax.numpy as jnp
import pytest

from gr_jax.parallel.mesh import MeshConfig, make_mesh
from tools.ahead import hlo
from tools.ahead.traffic import group_size, traffic

D, LAYERS = 64, 5


def shape(*sizes, sharding=None):
  return jax.ShapeDtypeStruct(sizes, jnp.float32, sharding=sharding)


def moved(function, *inputs, cache=0.0):
  text = jax.jit(function).lower(*inputs).compile().as_text()
  return traffic(hlo.parse(text), cache=cache)


def test_a_product_reads_both_operands_and_writes_one():
  found = moved(jnp.matmul, shape(32, D), shape(D, 16))
  assert found.bytes == 4 * (32 * D + D * 16 + 32 * 16)


def layers(x, weights):
  return jax.lax.scan(lambda x, w: (x @ w, None), x, weights)[0]


def test_the_weights_of_a_scan_are_read_once_in_all():
  """A slice a turn, and not the whole of them in each."""
  few = moved(layers, shape(8, D), shape(LAYERS, D, D))
  more = moved(layers, shape(8, D), shape(2 * LAYERS, D, D))
  weights = 4 * LAYERS * D * D
  # Read by the slice and by the product, written in between; and small change.
  assert weights <= more.bytes - few.bytes < 4 * weights
  assert LAYERS * weights > 4 * weights


def test_what_a_cache_holds_is_not_counted_beyond_it():
  stacked = 4 * LAYERS * D * D
  found = moved(layers, shape(8, D), shape(LAYERS, D, D), cache=stacked - 1)
  assert found.beyond == stacked
  assert moved(layers, shape(8, D), shape(LAYERS, D, D)).beyond > stacked
  all_held = moved(layers, shape(8, D), shape(LAYERS, D, D), cache=stacked)
  assert all_held.beyond == 0 < all_held.bytes


def test_a_cache_does_not_hold_more_arguments_than_it_has_room_for():
  text = """\
ENTRY %main (a: f32[8], b: f32[8]) -> f32[8] {
  %a = f32[8]{0} parameter(0)
  %b = f32[8]{0} parameter(1)
  ROOT %c = f32[8]{0} add(%a, %b)
}
"""
  beyond = {31: 96, 32: 32, 40: 24, 64: 0}
  assert beyond == {
    cache: traffic(hlo.parse(text), cache=cache).beyond for cache in beyond
  }


def test_what_runs_beside_others_is_counted_once():
  """Where it starts: its updates and its end move nothing."""
  text = """\
%negated (x: f32[8]) -> f32[8] {
  %x = f32[8]{0} parameter(0)
  ROOT %n = f32[8]{0} negate(%x)
}

ENTRY %main (a: f32[8]) -> f32[8] {
  %a = f32[8]{0} parameter(0)
  %s = ((f32[8]{0}), f32[8]{0}, s32[]) async-start(%a), calls=%negated
  %u = ((f32[8]{0}), f32[8]{0}, s32[]) async-update(%s, %a), calls=%negated
  ROOT %d = f32[8]{0} async-done(%u), calls=%negated
}
"""
  assert traffic(hlo.parse(text), cache=0).bytes == 2 * 32


def test_a_slice_that_is_fetched_ahead_is_read_and_not_its_operand():
  text = """\
ENTRY %main (a: f32[8]) -> f32[2] {
  %a = f32[8]{0} parameter(0)
  %s = ((f32[8]{0}), f32[2]{0:S(1)}, s32[]{:S(2)}) slice-start(%a)
  ROOT %d = f32[2]{0:S(1)} slice-done(%s)
}
"""
  assert traffic(hlo.parse(text), cache=0).bytes == 8


def test_fast_memory_is_not_counted():
  text = """\
ENTRY %main (a: f32[8]) -> f32[8] {
  %a = f32[8]{0} parameter(0)
  ROOT %b = f32[8]{0:T(128)S(1)} negate(%a)
}
"""
  assert traffic(hlo.parse(text)).bytes == 32


def test_of_a_branch_the_cheapest_side_counts():
  def branch(which, x):
    return jax.lax.cond(which, lambda x: x @ x.T @ x, lambda x: x, x)

  found = moved(branch, jax.ShapeDtypeStruct((), bool), shape(D, D))
  assert found.bytes < 4 * 4 * D * D


@pytest.fixture(scope="module")
def mesh():
  return make_mesh(MeshConfig())


def test_a_sum_over_devices_is_sent_as_rings_do(mesh):
  rows = jax.NamedSharding(mesh, jax.P("data"))
  whole = jax.NamedSharding(mesh, jax.P())

  def loss(w, x):
    return jnp.square(x @ w).sum()

  with jax.set_mesh(mesh):
    found = moved(
      jax.grad(loss), shape(D, D, sharding=whole), shape(16, D, sharding=rows)
    )
  assert found.counts == {"all-reduce": 1}
  assert found.wire["all-reduce"] == pytest.approx(2 * 4 * D * D * 7 / 8)


def test_what_is_gathered_in_a_loop_is_sent_in_every_turn(mesh):
  split = jax.NamedSharding(mesh, jax.P(None, "data"))
  whole = jax.NamedSharding(mesh, jax.P())

  def gathered(x, weights):
    def layer(x, w):
      w = jax.lax.with_sharding_constraint(w, whole)
      return x @ w, None

    return jax.lax.scan(layer, x, weights)[0]

  with jax.set_mesh(mesh):
    found = moved(
      gathered,
      shape(8, D, sharding=whole),
      shape(LAYERS, D, D, sharding=split),
    )
  assert found.counts["all-gather"] == LAYERS
  assert found.wire["all-gather"] == LAYERS * 4 * D * D / 8 * 7


@pytest.mark.parametrize(
  ("text", "size"),
  [
    ("replica_groups={{0,1,2},{3,4,5}}, x", 3),
    ("replica_groups=[4,2]<=[8]", 2),
    ("replica_groups=mesh['a'=4,'b'=2] {'b'}", 2),
    ("replica_groups=mesh['a'=4,'b'=2] {'a','b'}", 8),
    ("replica_groups=mesh['a'=8,'b'=2] {'a':(2)4}", 4),
    ("", 1),
  ],
)
def test_the_devices_of_a_group_are_counted(text, size):
  assert group_size(hlo.Instruction("x", (), "all-reduce", (), text)) == size
