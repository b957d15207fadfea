"""The tool on its synthetic shop; compilers of absent hardware are not here.

CPUs stand in for the targets.
"""

import functools

import jax
import pytest
from jax.sharding import AxisType

from gr_jax import recipes
from gr_jax.parallel.mesh import MeshConfig
from tools import compile_ahead
from tools.ahead import data_sheets, meshes, page, programs, shop, targets
from tools.ahead.program import forward_flops
from tools.ahead.searching import Sizes

SHEET = data_sheets.DataSheet(
  4 << 30, {"float32": 1e12, "bfloat16": 2e12}, bandwidth=1e12, link=1e11
)


@functools.cache
def given(name="cq_sid"):
  return shop.parts(recipes.get_config(f"{name}:tiny"), items=500)


@pytest.fixture(scope="module")
def target():
  return targets.Target("cpu", jax.devices()[:2], SHEET)


def made(target, name, kinds, keep=""):
  options = compile_ahead.parser().parse_args(
    [f"--kinds={kinds}", "--requests=4", "--beam=5", "--items=500"]
  )
  options.keep = keep
  rows = compile_ahead.compiled(f"{name}:tiny", [target], options)
  return {kind: row for kind, _, row in rows}


def is_whole(kind, row):
  """Whether the row has all its figures; they fit into a line."""
  line = page.line("cq_sid", kind, "cpu", row)
  return (
    row["fits"]
    and row["devices"] == row["mesh"]["data"] == 2
    and row["bound"] in ("compute", "memory", "link")
    and "| yes |" in line
    and line.count("|") == page.head().count("|")
  )


def test_devices_that_share_a_search_send_nothing(target, tmp_path):
  decode = made(target, "cq_sid", "decode", str(tmp_path))["decode"]
  assert is_whole("decode", decode)
  assert not decode["collectives"]
  assert (decode["work"], decode["unit"]) == (2 * 4, "requests")
  # What was kept is not made again.
  assert not made(target, "cq_sid", "decode", str(tmp_path))


@pytest.mark.slow
def test_devices_that_share_a_step_of_training_add_their_gradients(target):
  train = made(target, "cq_sid", "train")["train"]
  assert is_whole("train", train)
  assert train["collectives"]["all-reduce"]["bytes"] > 0
  assert train["unit"] == "tokens"


@pytest.mark.slow
@pytest.mark.parametrize(
  "name",
  ["eg_grpo", "genrec", "tiger", "dsi", "nci", "cq_sid_qwen", "genrec_qwen"],
)
def test_every_program_of_a_recipe_compiles(target, name):
  kinds = programs.kinds(recipes.get_config(f"{name}:tiny"))
  found = made(target, name, ",".join(kinds))
  assert tuple(found) == kinds
  # Products of the blocks are most of all products, and never more; of an
  # encoder with a decoder a position passes one of them, and both are counted.
  most = 2 if name in ("tiger", "dsi", "nci") else 1.2
  # LoRA's trace has gradients of weights that stand still; XLA leaves them out.
  least = 0.2 if name.endswith("_qwen") else 0.3
  for row in found.values():
    assert row["fits"]
    assert least < row["dense_flops"] / sum(row["flops"].values()) <= most


@pytest.mark.slow
def test_a_whole_search_has_the_products_of_its_parts(target):
  found = made(target, "cq_sid", "prefill,decode,search")
  flops = {kind: sum(row["flops"].values()) for kind, row in found.items()}
  steps = len(given().ids.level_sizes) - 1
  parts = flops["prefill"] + steps * flops["decode"]
  assert flops["search"] == pytest.approx(parts, rel=0.1)


def test_products_are_counted_as_training_counts_them():
  model = given().untrained.section.model
  inner = model.heads * model.head_size
  block = (
    2 * model.width * inner
    + 2 * model.width * model.kv_heads * model.head_size
    + 3 * model.width * model.feed_forward
  )
  assert forward_flops(given(), 7) == 2 * 7 * model.layers * block


def test_devices_must_divide(target):
  mesh = target.mesh(MeshConfig(model=2))
  assert mesh.axis_types == (AxisType.Auto,) * 5
  assert mesh.shape["model"] == 2
  with pytest.raises(ValueError, match=r"cpu: a mesh .* there are 2"):
    target.mesh(MeshConfig(model=3))


def test_a_state_that_does_not_fit_is_split_and_a_small_batch_shared():
  """A quarter of the memory is for it."""
  size = 4 * sum(x.size for x in jax.tree.leaves(given().params))

  def config(copies, devices, kind="train"):
    sheet = data_sheets.DataSheet(4 * copies * size, {}, 1)
    return meshes.mesh_config(
      kind, given(), targets.Target("x", [None] * devices, sheet)
    )

  assert config(3, 8) == MeshConfig()
  assert config(1.5, 8) == MeshConfig(fsdp=2)
  assert config(0.7, 8) == MeshConfig(fsdp=8)
  assert config(0.1, 8) == MeshConfig(fsdp=8)
  # 16 rows a batch.
  assert config(3, 64) == MeshConfig(model=4)
  assert config(0.1, 8, "search") == MeshConfig()


def test_levels_are_those_of_the_tokenizer_or_of_an_even_tree():
  assert given().ids.level_sizes == (32, 32, 32, 16)
  sizes, ends = shop._levels(recipes.get_config("dsi:paper").tokenizer, 100_000)
  assert (sizes, ends) == ((10, 10, 10, 100), True)
  assert shop._levels(recipes.get_config("acrq:paper").tokenizer, 9)[1] is False


def test_unknown_targets_configs_and_programs_are_named(target):
  for name in ("gameboy", "rtx5090:2x4", "v5e"):
    with pytest.raises(ValueError, match=r"rtx5090.*v5e"):
      targets.target(name)
  with pytest.raises(ValueError, match="no recipe"):
    recipes.get_config("nowhere.py")
  with pytest.raises(ValueError, match="no program rollout; use train"):
    made(target, "cq_sid", "rollout")


def test_recipes_of_no_generator_are_refused():
  with pytest.raises(ValueError, match="one generator"):
    shop.parts(recipes.get_config("never_lose.py:tiny"), items=10)


def test_a_sheet_says_where_products_begin_to_decide():
  assert data_sheets.SHEETS["h200"].ridge == pytest.approx(206, abs=1)
  for sheet in data_sheets.SHEETS.values():
    peaks = [sheet.flops[kind] for kind in ("float32", "bfloat16", "float8")]
    assert peaks == sorted(peaks)
    assert sheet.memory < sheet.bandwidth < sheet.flops["bfloat16"]


def test_sizes_of_a_search_are_a_device():
  assert Sizes() == Sizes(requests=32, beam=50)
