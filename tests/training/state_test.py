import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax.sharding import PartitionSpec

from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.training.state import create_state


def init(key):
  split = nn.with_logical_partitioning(
    nn.initializers.normal(), ("embed", "mlp")
  )
  return nn.Dense(8, kernel_init=split).init(key, jnp.ones((1, 4)))


def test_parameters_and_moments_lie_where_the_rules_say():
  mesh = make_mesh(MeshConfig(model=2))
  state = create_state(init, optax.adam(0.1), jax.random.key(0), mesh=mesh)
  expected = PartitionSpec(None, "model")
  assert state.params["params"]["kernel"].sharding.spec == expected
  assert state.opt_state[0].mu["params"]["kernel"].sharding.spec == expected
  assert int(state.step) == 0


def test_the_mesh_does_not_change_the_initial_values():
  states = [
    create_state(
      init,
      optax.adam(0.1),
      jax.random.key(0),
      mesh=make_mesh(MeshConfig(model=model)),
    )
    for model in (1, 2)
  ]
  for a, b in zip(*(jax.tree.leaves(s.params) for s in states)):
    np.testing.assert_array_equal(a, b)
