"""What training carries from step to step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax import struct
from jax.sharding import Mesh

from gr_jax.parallel.mesh import parameter_shardings


@struct.dataclass
class TrainState:
  """Step counter, parameters and optimizer state."""

  step: jax.Array
  params: Any
  opt_state: Any


def create_state(
  init: Callable[[jax.Array], Any],
  optimizer: optax.GradientTransformation,
  key: jax.Array,
  *,
  mesh: Mesh,
) -> TrainState:
  """Initialises on the mesh, each array where the rules put it.

  Args:
    init: from a key to parameters, boxed with logical axis names.
    optimizer: its state follows the parameters' shardings.
    key: of the initial parameters.
    mesh: the devices.
  """

  def boxed(key):
    params = init(key)
    return TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params))

  shardings = parameter_shardings(jax.eval_shape(boxed, key), mesh)
  create = jax.jit(lambda key: nn.unbox(boxed(key)), out_shardings=shardings)
  return create(key)
