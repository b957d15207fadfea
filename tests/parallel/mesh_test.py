"""A mesh fills the devices or says why it cannot."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import PartitionSpec

from gr_jax.parallel import mesh as meshes


def test_mesh_fills_the_devices():
  mesh = meshes.make_mesh(meshes.MeshConfig(model=2))
  assert dict(mesh.shape) == {"data": 4, "model": 2}


def test_sizes_that_do_not_fit_are_refused():
  with pytest.raises(ValueError, match="needs 9 devices; there are 8"):
    meshes.make_mesh(meshes.MeshConfig(data=3, model=3))


def test_a_batch_is_split_over_the_data_axis():
  mesh = meshes.make_mesh(meshes.MeshConfig(model=2))
  x = meshes.put_batch({"x": np.arange(8.0)}, mesh)["x"]
  np.testing.assert_array_equal(x, np.arange(8.0))
  assert {shard.data.shape for shard in x.addressable_shards} == {(2,)}


def test_logical_axes_follow_the_rules():
  init = nn.with_logical_partitioning(nn.initializers.zeros, ("embed", "mlp"))
  model = nn.Dense(8, use_bias=False, kernel_init=init)
  abstract = jax.eval_shape(
    lambda: model.init(jax.random.key(0), jnp.ones((1, 4)))
  )
  mesh = meshes.make_mesh(meshes.MeshConfig(model=2))
  shardings = meshes.parameter_shardings(abstract, mesh)
  assert shardings["params"]["kernel"].spec == PartitionSpec(None, "model")


@pytest.mark.parametrize("axes", [("embed", "mpl"), ("embed", "embed")])
def test_an_unknown_or_repeated_axis_is_refused_with_its_parameter(axes):
  init = nn.with_logical_partitioning(nn.initializers.zeros, axes)
  model = nn.Dense(4, use_bias=False, kernel_init=init)
  abstract = jax.eval_shape(
    lambda: model.init(jax.random.key(0), jnp.ones((1, 4)))
  )
  mesh = meshes.make_mesh(meshes.MeshConfig())
  with pytest.raises(ValueError, match=r"\['params'\]\['kernel'\] are .*mlp"):
    meshes.parameter_shardings(abstract, mesh)
