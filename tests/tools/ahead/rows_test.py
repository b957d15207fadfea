"""Rows of small programs, compiled for the CPUs of this machine."""

import jax
import jax.numpy as jnp
import pytest

from gr_jax import provenance
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from tools.ahead import hlo, rows
from tools.ahead.data_sheets import DataSheet
from tools.ahead.program import Program
from tools.ahead.targets import Target

N = 64
PRODUCT = 2 * N**3


def sheet(memory):
  peaks = {"float32": 1e9, "bfloat16": 2e9}
  return DataSheet(memory, peaks, bandwidth=1e9)


def product():
  x = jax.ShapeDtypeStruct((N, N), jnp.float32)
  return Program(jax.jit(jnp.matmul).trace(x, x), 10, "requests", PRODUCT)


@pytest.fixture(scope="module")
def target():
  return Target("cpu", jax.devices()[:1], sheet(1e6))


@pytest.fixture(scope="module")
def made(target):
  mesh = make_mesh(MeshConfig(), target.devices)
  return rows.compile_row(product, target, mesh)


def test_a_row_says_what_a_program_needs_and_how_fast_it_can_be(made):
  found = rows.figures(*made, sheet(1e6))
  assert found["fits"]
  assert found["bytes"]["argument"] == 2 * 4 * N * N
  assert found["bytes"]["output"] == 4 * N * N
  assert found["flops"] == {"float32": PRODUCT}
  assert found["traffic"]["beyond"] == 3 * 4 * N * N
  assert found["seconds"]["compute"] == pytest.approx(PRODUCT / 1e9)
  assert found["bound"] == "compute"
  assert found["rate"] == pytest.approx(10 / (PRODUCT / 1e9))
  assert found["intensity"] == pytest.approx(PRODUCT / (12 * N * N))
  assert found["attention"] == "plain"


def test_products_of_float4_are_counted_by_both_operands():
  text = """\
ENTRY %main (a: f4e2m1fn[8], b: f32[8]) -> f32[8] {
  %a = f4e2m1fn[8]{0} parameter(0)
  %b = f32[8]{0} parameter(1)
  %both = f32[8]{0} custom-call(%a, %a, %b), custom_call_target="__cudnn$x"
  %one = f32[8]{0} custom-call(%a, %b), custom_call_target="__cudnn$y"
  ROOT %sum = f32[8]{0} add(%both, %one)
}
"""
  assert rows.float4_calls(hlo.parse(text)) == 1


def test_a_row_names_the_commit_that_compiled_it(made, tmp_path):
  first, second = tmp_path / "first.json", tmp_path / "second.json"
  rows.write(first, made[0] | {"commit": "one"}, made[1])
  rows.write(second, made[0] | {"commit": "two", "same": first.name}, "")
  assert made[0]["commit"] == provenance.commit()
  assert rows.figures(*rows.read(second), sheet(1e6))["commit"] == "one"


class Unread:
  """A program that this jaxlib cannot read."""

  def as_text(self):
    raise jax.errors.JaxRuntimeError("INTERNAL: not known\nmore")


def test_a_program_that_cannot_be_read_has_its_memory_alone(made, tmp_path):
  row = dict(made[0])
  text = rows._text(row, Unread(), tmp_path)
  found = rows.figures(row, text, sheet(1e6))
  assert (text, found["unread"]) == ("", "INTERNAL: not known")
  assert found["fits"]
  assert "seconds" not in found


def test_what_a_compiler_wrote_down_is_read_in_its_place(made, tmp_path):
  row = dict(made[0])
  (tmp_path / "module_0.f.after_codegen.txt").write_text(made[1])
  assert rows._text(row, Unread(), tmp_path) == made[1]
  assert "unread" not in row


def test_a_smaller_memory_does_not_hold_it_and_by_how_much(made):
  total = rows.figures(*made, sheet(1e6))["bytes"]["total"]
  assert rows.figures(*made, sheet(total))["fits"]
  found = rows.figures(*made, sheet(total - 7))
  assert (found["fits"], found["over"]) == (False, 7)


def test_a_compiler_that_refuses_says_how_much_is_missing(made):
  message = "Ran out of memory. Used 20.50G of 15.75G hbm. Exceeded by 4.75G."
  refused = rows._refused(message)
  row = {key: made[0][key] for key in ("devices", "flops", "dense")}
  found = rows.figures(row | refused, "", sheet(1e6))
  assert found["fits"] is False
  assert found["over"] == 4.75 * (1 << 30)
  other = rows._refused("INTERNAL: no such kernel\nmore")
  assert rows.figures(row | other, "", sheet(1e6))["error"] == (
    "INTERNAL: no such kernel"
  )


def test_what_was_compiled_is_not_compiled_again(made, target, tmp_path):
  first, second = tmp_path / "first.json", tmp_path / "second.json"
  rows.write(first, *made)
  mesh = make_mesh(MeshConfig(), target.devices)
  known = {made[0]["digest"]: first}
  again, text = rows.compile_row(product, target, mesh, known=known)
  assert (again["same"], text) == ("first.json", "")
  rows.write(second, again, text)
  figures = [
    rows.figures(*rows.read(path), sheet(1e6)) for path in (first, second)
  ]
  assert figures[0] == figures[1] == rows.figures(*made, sheet(1e6))


def test_the_kernel_of_attention_is_named():
  assert rows.attention('custom_call_target="__cudnn$fmhaSoftmax"') == (
    "cuDNN flash"
  )
  assert rows.attention("dot") == "plain"
