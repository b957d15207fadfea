"""The device check runs whole at toy size, and what it says follows."""

import dataclasses
import importlib.util
import json
import math
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.decoding.beams import SearchResult
from gr_jax.nn.attention import attend
from tools.device import (
  bars,
  checks,
  chips,
  equality,
  kernels,
  pictures,
  programs,
  report,
  search,
  timing,
  training,
  worker,
)
from tools.device.checks import Entry
from tools.device.figure import Clock, Figure
from tools.device.forms import FULL, SMALL

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "check_device.py"
_SIZES = dataclasses.replace(
  SMALL.deployment,
  layers=1,
  width=8,
  feed_forward=8,
  level_sizes=(8, 8),
  ids=20,
)
TOY = dataclasses.replace(
  SMALL,
  models={"1.7B": _SIZES},
  deployment=_SIZES,
  searches=((4, 1),),
  batches=(2,),
)


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
  model = programs.decoder(_SIZES)
  mesh = programs.first_device()
  with jax.set_mesh(mesh):
    _, state = programs.training_step(
      model, programs.training_batch(_SIZES, 2), mesh
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


def row(check, what, metric, value, side="gr_jax"):
  return {
    "check": check,
    "what": what,
    "metric": metric,
    "value": value,
    "side": side,
  }


def searched(
  batch, p99, requests, side="gr_jax", beam=50, check="search", more=""
):
  what = f"beam {beam}, batch {batch}{more}"
  return [
    row(check, what, "p99_ms", p99, side),
    row(check, what, "requests_per_s", requests, side),
  ]


def test_the_bar_of_a_search_takes_the_best_batch_that_is_soon_enough():
  rows = [
    *searched(1, 10, 100),
    *searched(8, 50, 160),
    *searched(16, 51, 300),
    *searched(64, 1, 900, beam=500),
    *searched(1, 400, 8, side="torch"),
  ]
  _, soon, ratio, *_ = bars.verdicts(rows)
  assert (soon.value, soon.met) == (160, True)
  assert (ratio.value, ratio.met) == (300 / 8, True)
  apart = searched(8, 49, 170, check="unstacked search", more=", unstacked")
  assert bars.verdicts(rows + apart)[1].value == 170
  _, soon, ratio, *_ = bars.verdicts(searched(16, 51, 300))
  assert (soon.value, soon.met) == (0, False)
  assert (ratio.value, ratio.met) == (None, None)


@pytest.mark.parametrize(("share", "met"), [(0.4, True), (0.39, False)])
def test_the_bar_of_training_is_that_of_the_largest_model(share, met):
  rows = [row("training", "0.5B", "share_of_peak", 0.9)]
  assert bars.verdicts(rows)[0].met is None
  rows += [row("training", "1.7B", "share_of_peak", share)]
  assert bars.verdicts(rows)[0].met is met


def test_one_attention_that_differs_or_fails_misses_the_bar():
  equal = row("kernels", "beams", "equal", True)
  differs = row("kernels", "cudnn, pages", "equal", False)
  failed = {"check": "kernels", "error": "out of memory"}
  cut_off = {"check": "kernels", "skipped": "the rest"}
  for rows, met in (
    ([equal], True),
    ([equal, differs], False),
    ([equal, failed], False),
    ([differs, cut_off], False),
    ([equal, cut_off], None),
    ([], None),
  ):
    assert bars.verdicts(rows)[3].met is met


def test_every_check_and_its_form_can_be_begun():
  for side in checks.SIDES.values():
    for entry in side.values():
      module, function = entry.place.split(":")
      if not entry.needs:
        assert hasattr(
          importlib.import_module(f"tools.device.{module}"), function
        )
  pairs = {*FULL.searches, *FULL.wider_searches}
  assert {beam for beam, _ in pairs} == {50, 100, 500}
  assert FULL.deployment.ids == 1_000_000


def test_the_models_have_the_sizes_of_their_names():
  for name, sizes in FULL.models.items():
    weights = programs.block_weights(sizes) + sizes.vocabulary * sizes.width
    assert round(weights / 1e9, 1) == float(name.removesuffix("B"))
    # Kernels are made for such lengths.
    assert programs.positions(sizes) == 256
  assert 2 + FULL.deployment.history == 256


def steps(form, clock):
  yield Figure("a", "x_ms", 1.0)
  if clock.left() < 10:
    raise RuntimeError("the device is gone\nat some place")
  yield Figure("b", "x_ms", 2.0)


def test_a_failing_check_keeps_its_figures_and_the_next_one_runs(monkeypatch):
  monkeypatch.setattr(worker.pkgutil, "resolve_name", lambda name: steps)
  rows = []
  entries = {
    "first": Entry("steps", 1),
    "second": Entry("steps", 1, ("no_such_package",)),
  }
  worker.run_checks(entries, TOY, Clock(5), rows.append)
  assert rows[0] == {"check": "first", **Figure("a", "x_ms", 1.0)._asdict()}
  assert rows[1]["error"] == "RuntimeError: the device is gone at some place"
  assert rows[2]["check"] == "first"
  assert "no_such_package" in rows[3]["skipped"]


def test_a_check_that_finds_no_time_is_named(monkeypatch):
  entry = Entry("steps", 60)
  assert worker.obstacle(entry, FULL, Clock(61)) is None
  assert "it needs 60" in worker.obstacle(entry, FULL, Clock(59))
  assert worker.obstacle(entry, TOY, Clock(59)) is None


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


def test_latencies_are_quantiles_and_requests_those_of_all_calls():
  seconds = np.array([0.1, 0.1, 0.1, 0.5])
  found = {
    f.metric: f.value for f in search.latency_figures("x", seconds, batch=8)
  }
  assert found["p50_ms"] == pytest.approx(100)
  assert found["p99_ms"] == pytest.approx(1e3 * np.percentile(seconds, 99))
  assert found["requests_per_s"] == pytest.approx(8 * 4 / 0.8)


def test_answers_that_repeat_an_id_or_rise_are_no_answers():
  good = SearchResult(
    np.array([[2, 0]]), np.array([[-1.0, -2.0]]), np.zeros((1, 2, 2))
  )
  search.check_answers(good, ids=3, beam=2)
  for bad, message in (
    (good._replace(ids=np.array([[2, 2]])), "1 different"),
    (good._replace(ids=np.array([[3, 0]])), "none of the 3"),
    (good._replace(log_probs=np.array([[-2.0, -1.0]])), "do not fall"),
  ):
    with pytest.raises(ValueError, match=message):
      search.check_answers(bad, ids=3, beam=2)


def test_calls_end_with_their_share_of_the_budget():
  calls = []
  found = timing.seconds_of_calls(
    calls.append, calls=100, clock=Clock(0.0), share=0.0
  )
  assert len(found) == 3
  assert calls == [0, 0, 1, 2]
  many = timing.seconds_of_calls(calls.append, calls=9, clock=Clock(60))
  assert len(many) == 9


def test_the_first_batch_that_fits_is_trained(monkeypatch):
  class Fake:
    def lower(self):
      return self

    def compile(self):
      return self

  tried = []

  def step(model, batch, mesh):
    tried.append((len(batch[1]), model.config.remat))
    return Fake(), None

  need = {"none": 3.0, "dots": 2.0, "full": 1.0}
  monkeypatch.setattr(programs, "training_step", step)
  monkeypatch.setattr(
    programs,
    "planned_bytes",
    lambda _: tried[-1][0] * need[tried[-1][1]] * 2**20,
  )
  rows, remat, *_ = training.fitting(_SIZES, (8, 4), None, 4.5 * 2**20)
  assert (rows, remat) == (4, "full")
  assert tried == [
    *((8, remat) for remat in need),
    *((4, remat) for remat in need),
  ]
  with pytest.raises(MemoryError, match="no batch"):
    training.fitting(_SIZES, (8,), None, 1000.0)


def test_a_step_needs_less_memory_with_remat_and_more_with_rows():
  sizes = FULL.models["1.7B"]

  def least(remat, rows):
    model = programs.decoder(sizes, remat=remat)
    return training.least_bytes(model, sizes, rows)

  assert least("full", 8) < least("dots", 8) == least("none", 8)
  assert least("none", 8) < least("none", 16)
  assert least("full", 0) == pytest.approx(16 * 1.72e9, rel=0.01)


def test_the_roofline_adds_up_the_slower_of_both_in_every_pass():
  chip = chips.Chip(flops=10.0, bandwidth=2.0)
  assert chips.least_seconds([(20, 2), (10, 8)], chip) == 2 + 4


def test_a_search_reads_all_weights_once_a_level():
  sizes = dataclasses.replace(_SIZES, layers=3)
  passes = programs.search_passes(sizes, batch=2, beam=5)
  weights = programs.block_weights(sizes)
  assert [moved for _, moved in passes] == [2 * weights] * 2
  positions = [2 * (2 + sizes.history), 2 * 5]
  assert [flops for flops, _ in passes] == [2 * weights * n for n in positions]
  mesh = programs.first_device()
  shapes = programs.search_params(programs.decoder(sizes), mesh, jnp.bfloat16)
  kernels = [
    x.size
    for path, x in jax.tree.leaves_with_path(shapes)
    if path[-1].key == "kernel"
  ]
  assert sum(kernels) == weights


def test_chips_are_found_by_their_whole_names():
  for kind, flops in (
    ("NVIDIA H200", 989e12),
    ("NVIDIA H100 80GB HBM3", 989e12),
    ("NVIDIA H100 PCIe", 756e12),
    ("NVIDIA L40S", 362e12),
    ("TPU v5 lite", 197e12),
    ("TPU v5p", 459e12),
  ):
    assert chips.chip_of(kind).flops == flops
  assert chips.chip_of("cpu") is None


def test_a_gap_is_relative_and_nan_is_no_equal():
  expected = np.array([1.0, -4.0])
  assert equality.relative_gap(np.array([1.0, -3.0]), expected) == 0.25
  assert equality.relative_gap(expected, expected) == 0
  assert equality.relative_gap(np.array([1.0, np.nan]), expected) == math.inf


def test_an_attention_that_is_wrong_in_its_gradients_alone_is_found():
  form = dataclasses.replace(SMALL, attention=(2, 6, 0, 0, 2, 1, 4))
  there = jnp.arange(6) >= jnp.array([[0], [2]])
  causal = jnp.tril(jnp.ones((1, 6, 6), bool)) & there[:, None]

  class Causal:
    def dense(self):
      return causal

  def right(queries, cached):
    out = attend(queries, cached, causal)
    # What nobody reads may be anything.
    return jnp.where(there[..., None], out, 7.0)

  @jax.custom_vjp
  def doubled(x):
    return x

  doubled.defvjp(lambda x: (x, None), lambda _, g: (2 * g,))

  def wrong(queries, cached):
    return doubled(right(queries, cached))

  for kernel, equal in ((right, True), (wrong, False)):
    found = {
      figure.metric: figure.value
      for figure in kernels.compared(
        "kernel", there, Causal(), kernel, form, Clock(60)
      )
    }
    assert found["equal"] is equal
    assert found["gap of values"] < 1e-5
    assert (found["gap of gradient of k"] < 1e-5) is equal


def test_figures_are_shown_in_few_digits():
  assert [report.shown(x) for x in (0.12345, 12345.6, 7, True, "cpu")] == [
    "0.1235",
    "12,346",
    "7",
    "True",
    "cpu",
  ]


def test_a_picture_of_nothing_says_so():
  assert "not measured" in pictures.draw([], "toy chip")


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
