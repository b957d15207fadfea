"""A word to XLA moves arrays and changes no value."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P

from gr_jax.parallel import constraints
from gr_jax.parallel.mesh import MeshConfig, make_mesh


def laid(function, mesh, x):
  """The shape of a device's part, with values that are those of `x`."""
  with jax.set_mesh(mesh):
    found = jax.jit(function)(x)
  np.testing.assert_array_equal(found, x)
  (shape,) = {shard.data.shape for shard in found.addressable_shards}
  return shape


def test_states_stay_with_their_rows_where_parameters_or_positions_are_split():
  x = np.arange(64.0).reshape(8, 4, 2)
  fsdp, sequence = (
    make_mesh(MeshConfig(**{k: 2})) for k in ("fsdp", "sequence")
  )
  positions = functools.partial(constraints.split_states, positions=True)
  assert laid(constraints.split_states, fsdp, x) == (1, 4, 2)
  assert laid(positions, fsdp, x) == (1, 4, 2)
  assert laid(positions, sequence, x) == (2, 2, 2)
  assert laid(constraints.split_states, sequence, x) == (2, 4, 2)
  assert laid(constraints.split_rows, sequence, x) == (2, 4, 2)
  for place, shape in ((P(), (8, 4, 2)), (P("fsdp"), (4, 4, 2))):
    keep = functools.partial(constraints.keep_places, places=(place,))
    assert laid(keep, fsdp, x) == shape


def test_elsewhere_xla_needs_no_word():
  x = jnp.ones((8, 4, 2))
  assert constraints.split_states(x) is x
  assert constraints.split_rows(x) is x
  assert constraints.keep_places(x, None) is x
  with jax.set_mesh(make_mesh(MeshConfig(model=2))):
    assert constraints.split_states(x, positions=True) is x


def test_a_table_that_both_axes_split_is_gathered_over_fsdp_alone():
  x = np.arange(64.0).reshape(8, 8)
  both = make_mesh(MeshConfig(fsdp=2, model=2))
  assert laid(constraints.split_vocabulary, both, x) == (4, 8)
  assert laid(constraints.keep_few_whole, both, x) == (8, 8)
  for function in (constraints.split_vocabulary, constraints.keep_few_whole):
    with jax.set_mesh(make_mesh(MeshConfig(fsdp=8))):
      assert function(x) is x
    assert function(x) is x
