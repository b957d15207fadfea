"""The stored table, its page and its picture."""

import json

import pytest

from tools.ahead import page, plot, record

ROW = {
  "devices": 8,
  "mesh": {"data": 8},
  "work": 100,
  "unit": "tokens",
  "flops": {"bfloat16": 2e12},
  "bytes": {
    "argument": 1,
    "output": 3,
    "alias": 1,
    "temp": 1 << 30,
    "total": 9,
  },
  "fits": False,
  "over": 1 << 29,
  "traffic": {"bytes": 4e9, "beyond": 1e9},
  "collectives": {"all-gather": {"count": 3, "bytes": 2e6}},
  "seconds": {"compute": 0.5, "memory": 0.25, "link": 0.125},
  "bound": "compute",
  "rate": 200.0,
  "intensity": 2000.0,
}


@pytest.fixture(scope="module")
def stored():
  rows = {"cq_sid": {"train": {"v5e:2x4": ROW, "h200x8": {"error": "no"}}}}
  return record.record(rows, {})


def test_the_page_has_a_section_a_recipe_and_a_line_a_row(stored):
  text = page.page(stored)
  assert "## cq_sid" in text
  (line,) = [line for line in text.splitlines() if "| v5e:2x4 | data" in line]
  for cell in (
    "data 8",
    "0.0 + 1.0 + 0.0 = 0.0",
    "NO, by 0.5 GiB",
    "3 all-gather 2 MB",
    "500",
    "200 tokens/s",
  ):
    assert f"| {cell} " in line
  assert text.count("W4A4") == 3


def test_a_point_is_a_program_on_its_side_of_the_ridge(stored):
  ((device, by_kind),) = plot._points(stored["rows"]).items()
  assert device == "v5e"
  assert by_kind == {"train": [(2000.0, "compute")]}
  drawn = plot.plot(stored["rows"])
  assert "v5e: train 2e+03." in drawn
  assert "ridge at 241" in drawn
  assert drawn.startswith("<svg ")


def test_equal_programs_of_one_kind_of_device_are_one_point():
  link = ROW | {"bound": "link"}
  rows = {
    "a": {"train": {"h200": ROW, "h200x8": ROW}, "products": {"h200": ROW}},
    "b": {"train": {"h200": link, "v5e:2x4": {"error": "no"}}},
  }
  assert plot._points(rows) == {
    "h200": {"train": [(2000.0, "compute"), (2000.0, "link")]}
  }


def test_a_record_is_written_as_it_is_read(stored, tmp_path, monkeypatch):
  monkeypatch.setattr(record.plot, "plot", lambda rows: "")
  record.write(tmp_path, stored)
  assert record.load(tmp_path) == stored


def measured(tmp_path, kind, **programs):
  path = tmp_path / "device.json"
  path.write_text(json.dumps({"kind": kind, "programs": programs}))
  return path


def test_what_a_device_took_stands_beside_what_was_predicted(stored, tmp_path):
  name = "search, beam 50, batch 8"
  one = {"bytes": 5 << 30, "seconds": 0.5, "flops": 1.0}
  path = measured(tmp_path, "NVIDIA H200", **{name: one, "other": one})
  found = record.read_measured(path)
  assert found == {"h200": {name: {"bytes": 5 << 30, "seconds": 0.5}}}
  row = {"bytes": {"total": 4 << 30}, "seconds": {"compute": 0.25}}
  text = page._measured({name: {"h200": row, "rtx5090": row}}, found)
  here, absent = text.splitlines()[2:]
  assert [cell.strip() for cell in here.split("|")[3:-1]] == [
    "4.00", "5.00", "250.00", "500.00", "2.00",
  ]  # fmt: skip
  assert absent.count(page.NOT_MEASURED) == 2


def test_other_devices_and_other_programs_are_refused(tmp_path):
  with pytest.raises(ValueError, match="Game Boy"):
    record.read_measured(measured(tmp_path, "Game Boy"))
  with pytest.raises(ValueError, match="prefill, batch 8"):
    record.read_measured(measured(tmp_path, "NVIDIA H200", x={"bytes": 1}))
