"""A mesh fills the devices or says why it cannot; arrays lie by the rules."""

import re

import jax
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import PartitionSpec as P

from gr_jax.parallel import mesh as meshes
from gr_jax.parallel.mesh import MeshConfig, make_mesh


def parameter(shape, axes):
  """The abstract tree of one parameter whose axes have names."""
  boxed = nn.with_logical_partitioning(nn.initializers.zeros, axes)
  return jax.eval_shape(lambda: {"w": boxed(jax.random.key(0), shape)})


def spec(shape, axes, rules=meshes.DEFAULT_RULES, **sizes):
  mesh = make_mesh(MeshConfig(**sizes))
  return meshes.parameter_shardings(parameter(shape, axes), mesh, rules)[
    "w"
  ].spec


def test_data_takes_the_devices_that_the_other_axes_leave():
  mesh = make_mesh(MeshConfig(model=2, fsdp=2))
  assert dict(mesh.shape) == {
    "data": 2, "fsdp": 2, "expert": 1, "sequence": 1, "model": 2
  }  # fmt: skip
  one = make_mesh(MeshConfig(), devices=jax.devices()[:1])
  assert one.size == 1


@pytest.mark.parametrize(
  ("sizes", "message"),
  [
    ({"data": 3, "model": 3}, "data=3 x model=3 needs 9 devices; there are 8"),
    ({"model": 3}, "data=2 x model=3 needs 6 devices; there are 8: set"),
    ({"fsdp": 16}, "data=1 x fsdp=16 needs 16 devices; there are 8"),
    ({"fsdp": 0}, "mesh.fsdp is 0; it must be at least 1"),
    ({"data": -1}, "mesh.data is -1"),
  ],
)
def test_sizes_that_do_not_fit_are_refused_in_one_line(sizes, message):
  with pytest.raises(ValueError, match=message) as error:
    make_mesh(MeshConfig(**sizes))
  assert "\n" not in str(error.value)


@pytest.mark.parametrize(
  ("sizes", "rows"),
  [
    ({"model": 2}, 4),
    ({"fsdp": 8}, 2),
    ({"data": 2, "fsdp": 4}, 2),
    ({"expert": 2, "sequence": 2}, 4),
  ],
)
def test_a_batch_is_split_over_data_fsdp_and_expert_together(sizes, rows):
  mesh = make_mesh(MeshConfig(**sizes))
  x = meshes.put_batch({"x": np.arange(16.0)}, mesh)["x"]
  np.testing.assert_array_equal(x, np.arange(16.0))
  assert {shard.data.shape for shard in x.addressable_shards} == {(rows,)}
  assert meshes.batch_parts(mesh) == 16 // rows


def test_a_batch_that_does_not_divide_is_refused_in_one_line():
  mesh = make_mesh(MeshConfig(fsdp=4))
  with pytest.raises(ValueError, match=r"12 rows .* 8 devices .*multiple of 8"):
    meshes.put_batch(np.zeros(12), mesh)


def test_parameters_are_split_over_model_by_what_is_wide_and_fsdp_by_embed():
  assert spec((16, 24), ("embed", "mlp"), model=2) == P(None, "model")
  assert spec((16, 24), ("embed", "mlp"), fsdp=4) == P("fsdp")
  both = spec((24, 16), ("vocab", "embed"), model=2, fsdp=4)
  assert both == P("model", "fsdp")
  assert spec((2, 16), ("layers", "norm"), fsdp=8) == P()
  search = spec((24, 16), ("vocab", "embed"), meshes.SEARCH_RULES, model=2)
  assert search == P("model")
  whole = spec((24, 16), ("vocab", "embed"), meshes.SEARCH_RULES, fsdp=8)
  assert whole == P()


def test_an_axis_that_fsdp_does_not_divide_gives_way_to_another():
  """The longest of the others, never that of the layers."""
  assert spec((12, 24), ("embed", "mlp"), fsdp=8) == P(None, "fsdp")
  assert spec((8, 12, 16), ("layers", "embed", "mlp"), fsdp=8) == P(
    None, None, "fsdp"
  )
  # What model splits stays there.
  assert spec((6, 24), ("embed", "mlp"), fsdp=4, model=2) == P(None, "model")


def test_a_parameter_that_fsdp_cannot_split_is_whole_and_one_line_says_so(
  capsys,
):
  mesh = make_mesh(MeshConfig(fsdp=8))
  tree = parameter((12,), ("embed",)) | {
    "norm": parameter((16,), ("norm",))["w"]
  }
  shardings = meshes.parameter_shardings(tree, mesh)
  assert shardings["w"].spec == P()
  meshes.say_what_is_whole(tree, shardings, mesh)
  line = "no axis of 1 parameters is a multiple of fsdp=8; .* with 12 numbers"
  assert len(capsys.readouterr().err.splitlines()) == 1
  meshes.say_what_is_whole(tree, shardings, mesh)

  assert re.search(line, capsys.readouterr().err)
  one = make_mesh(MeshConfig())
  meshes.say_what_is_whole(tree, shardings, one)
  assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["heads", "vocab", "mlp"])
def test_what_model_does_not_divide_is_refused_with_its_parameter(name):
  with pytest.raises(
    ValueError, match=f"27 along '{name}', .*model=2"
  ) as error:
    spec((16, 27), ("embed", name), model=2)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("axes", [("embed", "mpl"), ("embed", "embed")])
def test_an_unknown_or_repeated_axis_is_refused_with_its_parameter(axes):
  with pytest.raises(ValueError, match=r"\['w'\] are .*mlp"):
    spec((16, 16), axes)
