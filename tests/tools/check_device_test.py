"""The device check runs whole at toy size, and what it says follows."""

import importlib.util
import json
import pathlib
import sys

import jax
import pytest

from tests.reference.toy_device import SIZES, TOY
from tools.device import bars, checks, programs, worker
from tools.device.figure import Clock

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "check_device.py"


@pytest.fixture(scope="module")
def tool():
  spec = importlib.util.spec_from_file_location("check_device", TOOL)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


@pytest.fixture(scope="module")
def toy_rows():
  """The rows of the checks that have bars."""
  rows = []
  mine = {
    name: checks.JAX_CHECKS[name] for name in ("machine", "search", "training")
  }
  worker.run_checks(mine, TOY, Clock(600), rows.append)
  return rows


def test_a_toy_is_searched_with_and_trained(toy_rows):
  assert not [row for row in toy_rows if {"error", "skipped"} & row.keys()]
  for check, what, metric in (
    ("machine", "device", "product_flops"),
    ("search", "beam 4, batch 1", "requests_per_s"),
    ("training", "1.7B", "tokens_per_s"),
    ("training", "1.7B", "share_of_peak"),
  ):
    assert bars.find(toy_rows, check, what, metric) > 0


def test_every_program_has_its_bytes_flops_and_seconds(tool, toy_rows):
  found = tool.programs_of(toy_rows)
  assert list(found) == [
    "search, beam 4, batch 1",
    "prefill, batch 1",
    "training step 1.7B, 2 rows, remat none",
  ]
  assert all(
    one.keys() >= {"bytes", "flops", "seconds"} and min(one.values()) > 0
    for one in found.values()
  )


def test_a_program_needs_its_arguments_and_more(toy_rows):
  what = "training step 1.7B, 2 rows, remat none"
  planned = bars.find(toy_rows, "training", what, "program_bytes")
  model = programs.decoder(SIZES)
  mesh = programs.first_device()
  with jax.set_mesh(mesh):
    _, state = programs.training_step(
      model, programs.training_batch(SIZES, 2), mesh
    )
  weights = sum(x.size for x in jax.tree.leaves(state.params))
  # Parameters and two moments in float32.
  assert 12 * weights < planned < 100 * weights


def test_pages_hold_every_figure_and_say_what_is_missing(
  tool, toy_rows, tmp_path, capsys
):
  rows = [*toy_rows, {"check": "kernels", "error": "XlaError: no", "by": ""}]
  meta = {"kind": "toy chip", "form": "full", "seconds": 1.0}
  tool.write(tmp_path, rows, meta)
  page = (tmp_path / "device.md").read_text()
  assert page == capsys.readouterr().out.removesuffix("\n")
  assert "# Device check: toy chip" in page
  assert "error: XlaError: no" in page
  # The search of toys is of no beam that has a bar, and torch is not here.
  assert page.count("not measured") == 3
  assert page.count("MISSED") == 2
  assert "| search, beam 4, batch 1 |" in page
  kept = json.loads((tmp_path / "device.json").read_text())
  assert kept["rows"] == rows
  assert kept["programs"] == tool.programs_of(rows)
  picture = (tmp_path / "device.svg").read_text()
  assert "toy chip" in picture
  assert "beam 4, batch 1" in picture


def test_rows_of_a_worker_that_was_cut_off_are_read(tool, tmp_path):
  file = tmp_path / "rows.jsonl"
  whole = {"check": "machine", "seconds": 1.0}
  file.write_text(json.dumps(whole) + '\n{"check": "sea')
  assert tool.read_rows(file) == [whole]
  assert tool.unfinished([whole], ["machine", "search"]) == "search"


def test_a_worker_that_dies_is_an_error_of_the_check_it_was_at(
  tool, monkeypatch
):
  monkeypatch.setattr(sys, "executable", "/bin/false")
  rows = tool.run_side("jax", "small", 10, ["machine", "search"])
  assert rows == [
    {
      "check": "machine",
      "error": "the process ended with 1",
      "by": "jax, ",
    }
  ]


def test_an_unknown_check_is_one_line(tool, tmp_path, capsys):
  assert tool.main([f"--output={tmp_path}", "--checks=speed"]) == 1
  error = capsys.readouterr().err
  assert "no check is named speed" in error
  assert len(error.splitlines()) == 1


@pytest.mark.slow
def test_the_small_form_runs_whole_within_three_minutes(tmp_path, tool):
  assert tool.main([f"--output={tmp_path}", "--form=small"]) == 0
  kept = json.loads((tmp_path / "device.json").read_text())
  assert kept["seconds"] < 180
  over = {row["check"] for row in kept["rows"] if "seconds" in row}
  assert over == set(checks.JAX_CHECKS)
  assert all(
    row["value"] for row in kept["rows"] if row.get("metric") == "equal"
  )
