"""The tool on its synthetic shop; compilers of absent hardware are not here.

CPUs stand in for the targets.
"""

import jax
import pytest
from jax.sharding import AxisType

from gr_jax import recipes
from gr_jax.parallel.mesh import MeshConfig
from tools import compile_ahead
from tools.ahead import programs, targets


@pytest.fixture(scope="module")
def given():
  config = recipes.get_config("configs/cq_sid.py:tiny")
  return programs.parts(config, items=500)


@pytest.fixture(scope="module")
def target():
  return targets.Target("cpu", jax.devices()[:2], 4, 1e12, {})


def test_each_program_is_a_row_that_says_whether_it_fits(given, target):
  options = compile_ahead.parser().parse_args(
    ["--config=x", "--requests=4", "--beam=5"]
  )
  step, search = compile_ahead.rows(given, target, options)
  assert step.startswith("| training step | cpu | 2 |")
  assert search.startswith("| search | cpu | 2 |")
  assert "| yes |" in step
  assert "| yes |" in search


def test_a_smaller_memory_is_reported(given, target):
  compiled = jax.jit(lambda x: x + 1).lower(1.0).compile()
  assert "| yes |" in compile_ahead.row("one", compiled, target)
  less = targets.Target("cpu", target.devices, 0, 1e12, {})
  assert "| NO |" in compile_ahead.row("one", compiled, less)


def test_products_are_counted_as_training_counts_them(given):
  model = given.untrained.section.model
  inner = model.heads * model.head_size
  block = (
    2 * model.width * inner
    + 2 * model.width * model.kv_heads * model.head_size
    + 3 * model.width * model.feed_forward
  )
  examples = given.untrained.section.examples
  positions = examples.batch_size * (
    1 + given.untrained.section.prompt.history + 3 * examples.targets
  )
  wanted = 6 * model.layers * block * positions
  assert programs.step_flops(given) == pytest.approx(wanted)


def test_devices_must_divide(target):
  mesh = target.mesh(MeshConfig(model=2))
  assert mesh.axis_types == (AxisType.Auto,) * 5
  assert mesh.shape["model"] == 2
  with pytest.raises(ValueError, match=r"cpu: a mesh .* there are 2"):
    target.mesh(MeshConfig(model=3))


def test_unknown_targets_and_configs_are_named():
  with pytest.raises(ValueError, match="rtx5090"):
    targets.target("gameboy")
  with pytest.raises(ValueError, match="no recipe"):
    recipes.get_config("nowhere.py")


def test_recipes_without_codebooks_are_refused():
  config = recipes.get_config("configs/scifact.py:tiny")
  with pytest.raises(ValueError, match="codebooks"):
    programs.parts(config, items=10)
