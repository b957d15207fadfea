"""Rows in files; the processes that make them are small scripts here."""

import json

import pytest

from gr_jax import recipes
from tools.ahead import rows, table
from tools.ahead.targets import ALL

MAKER = """\
import json, pathlib, sys, time
flags = dict(flag[2:].split("=", 1) for flag in sys.argv[1:])
made = pathlib.Path({log!r})
made.write_text(made.read_text() + flags["config"] + "\\n")
for kind in ("train", "search"):
  path = pathlib.Path(flags["keep"]) / f"one.{{kind}}.cpu.json"
  if path.exists():
    continue
  {hang}
  path.write_text(json.dumps({{"error": kind}}))
"""


@pytest.fixture
def maker(tmp_path, monkeypatch):
  """A function that puts a script in the place of the tool."""
  monkeypatch.setattr(table, "kinds", lambda name, target: ("train", "search"))
  monkeypatch.setattr(table, "paper_recipes", lambda: ())
  monkeypatch.setattr(table.deployed, "NAME", "one")
  log = tmp_path / "log"
  log.write_text("")

  def put(hang):
    tool = tmp_path / "tool.py"
    tool.write_text(MAKER.format(log=str(log), hang=hang))
    monkeypatch.setattr(table, "_TOOL", tool)
    return log

  return put


def errors(folder):
  return {
    path.name.split(".")[1]: json.loads(path.read_text())["error"]
    for path in folder.glob("*.json")
  }


def test_rows_that_are_there_are_not_made_again(maker, tmp_path):
  log, folder = maker("pass"), tmp_path / "rows"
  table.fill(folder, targets=["cpu"], minutes=1)
  assert errors(folder) == {"train": "train", "search": "search"}
  table.fill(folder, targets=["cpu"], minutes=1)
  assert log.read_text().splitlines() == ["one"]


def test_a_row_that_hangs_is_left_and_the_next_is_made(maker, tmp_path):
  log = maker("kind == 'train' and time.sleep(99)")
  folder = tmp_path / "rows"
  table.fill(folder, targets=["cpu"], minutes=0.1)
  assert errors(folder) == {
    "train": "not compiled within 0.1 minutes",
    "search": "search",
  }
  assert len(log.read_text().splitlines()) == 2


def test_a_process_that_dies_is_said_and_does_not_end_the_table(
  maker, tmp_path
):
  maker("kind == 'search' and sys.exit(3)")
  folder = tmp_path / "rows"
  table.fill(folder, targets=["cpu"], minutes=1)
  assert errors(folder) == {
    "train": "train",
    "search": "the process ended with code 3",
  }


def test_every_recipe_of_a_generator_has_rows_the_papers_first():
  found = table.paper_recipes()
  assert found[:3] == ("cq_sid", "eg_grpo", "genrec")
  assert len(found) > 12
  assert len(set(found)) == len(found)
  for name in recipes.names():
    try:
      config = recipes.get_config(f"{name}:paper")
    except ValueError:
      continue
    both = "generator" in config and "tokenizer" in config
    # Its IDs are the user's, and so are their sizes.
    assert (name in found) == (both and name != "given_ids")
  assert set(table.kinds("eg_grpo", "h200")) > set(table.kinds("nci", "h200"))


def test_a_recipe_of_equal_sections_takes_the_row_of_the_other(tmp_path):
  assert table.twin("own_data", "train") == "cq_sid"
  assert table.twin("eg_grpo", "search") == "cq_sid"
  assert table.twin("eg_grpo", "update") is None
  assert table.twin("tiger", "train") is None
  first = table.row_file(tmp_path, "cq_sid:paper", "train", "v5e:2x4")
  path = table.row_file(tmp_path, "configs/own_data.py", "train", "v5e:2x4")
  assert path.name == "own_data.train.v5e-2x4.json"
  assert not table.take(path, "own_data:paper", "train", "v5e:2x4")
  rows.write(first, {"error": "none"}, "")
  assert not table.take(path, "own_data:tiny", "train", "v5e:2x4")
  assert table.take(path, "own_data:paper", "train", "v5e:2x4")
  assert rows.read(path)[0]["error"] == "none"


def test_the_deployment_has_rows_on_its_cards_alone():
  assert [each for each in ALL if table.kinds("deployment", each)] == [
    "rtx5090",
    "h200",
  ]


def test_fractions_are_kept_with_four_digits():
  assert table.short({"a": [1.23456], "b": 2.0, "c": 123456789}) == {
    "a": [1.23456],
    "b": 2,
    "c": 123456789,
  }
  assert table.short({"a": 1.23456e-7}) == {"a": 1.235e-7}


def test_a_new_row_takes_the_place_of_the_stored_one_alone():
  stored = {
    "cq_sid": {"train": {"h100": {"devices": 1}, "h200": {"devices": 1}}},
    "gone": {"train": {"h100": {"devices": 1}}},
  }
  found = {"cq_sid": {"train": {"h100": {"devices": 8}}}}
  assert table.joined(stored, found) == {
    "cq_sid": {"train": {"h100": {"devices": 8}, "h200": {"devices": 1}}}
  }
