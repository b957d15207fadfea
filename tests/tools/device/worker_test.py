"""A failing check costs no other check."""

from tests.reference.toy_device import TOY
from tools.device import worker
from tools.device.checks import Entry
from tools.device.figure import Clock, Figure
from tools.device.forms import FULL


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
