"""The state that training carries from step to step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from jax.sharding import Mesh

from gr_jax.parallel.mesh import parameter_shardings, say_what_is_whole


@struct.dataclass
class TrainState:
  """Step counter, parameters and optimizer state."""

  step: jax.Array
  params: Any
  opt_state: Any


Init = Callable[[jax.Array], Any]
"""From a key to parameters, boxed with logical axis names."""


def create_state(
  init: Init,
  optimizer: optax.GradientTransformation,
  key: jax.Array,
  *,
  mesh: Mesh,
) -> TrainState:
  """Initializes on the mesh, each array where the rules put it.

  The state of the optimizer follows the parameters' shardings.
  """
  shardings = jax.tree.map(
    lambda x: x.sharding, abstract_state(init, optimizer, mesh=mesh)
  )
  boxed = jax.eval_shape(init, key)
  say_what_is_whole(boxed, shardings.params, mesh)
  create = jax.jit(
    lambda key: nn.unbox(_boxed(init, optimizer, key)), out_shardings=shardings
  )
  return create(key)


def abstract_state(
  init: Init, optimizer: optax.GradientTransformation, *, mesh: Mesh
) -> TrainState:
  """Shapes, types and shardings of the state that `create_state` makes."""
  boxed = jax.eval_shape(lambda: _boxed(init, optimizer, jax.random.key(0)))
  shardings = parameter_shardings(boxed, mesh)
  return jax.tree.map(
    lambda x, sharding: jax.ShapeDtypeStruct(
      x.shape, x.dtype, sharding=sharding
    ),
    nn.unbox(boxed),
    shardings,
  )


def _boxed(init: Init, optimizer, key: jax.Array) -> TrainState:
  params = init(key)
  return TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params))
