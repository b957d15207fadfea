"""The stored table of flow models, and its page."""

import pytest

from tools import figures
from tools.ahead import pictures, pictures_page
from tools.ahead.coverage import commits
from tools.ahead.data_sheets import GIB, SHEETS
from tools.ahead.record import load

RESULTS = figures.RESULTS / "hardware_pictures"


@pytest.fixture(scope="module")
def stored():
  return load(RESULTS)


def sheet(target):
  return SHEETS[target.partition(":")[0].removesuffix("x8")]


def test_every_program_is_compiled_for_every_card(stored):
  """What is not compiled for a slice of TPUs yet has a dash on the page."""
  assert tuple(stored["rows"]) == pictures.NAMES
  for by_kind in stored["rows"].values():
    assert set(by_kind) == set(pictures.KINDS)
    for by_target in by_kind.values():
      missing = set(pictures.TARGETS) - set(by_target)
      assert missing <= {"v5e:2x4", "v6e:2x4"}


def test_rows_are_of_clean_commits(stored):
  found = commits(stored["rows"])
  assert sum(found.values()) >= 27
  assert not any("dirty" in each or each == "unknown" for each in found)


def test_a_program_fits_by_its_bytes(stored):
  """Weights are what the published numbers make them in bfloat16."""
  for name, by_kind in stored["rows"].items():
    for by_target in by_kind.values():
      for target, row in by_target.items():
        room = sheet(target).memory
        total = row["bytes"]["total"]
        assert row["fits"] == (total <= room) == (row["over"] == 0)
    rollout = by_kind["rollout"]["h200"]["bytes"]["argument"]
    weights = 2 * pictures.PRESETS[name].parameters
    assert weights < rollout < 1.1 * weights


def test_cards_with_products_of_four_bits_explore_with_them(stored):
  """Every layer of the skip lists that has four bits is multiplied so."""
  layers = {"sana_1600m": 3, "sd3_5_large": 2 + 2, "flux_12b": 10 + 3}
  for name, by_kind in stored["rows"].items():
    explore = by_kind["explore"]
    for target, row in explore.items():
      if target == "rtx5090":
        assert row["float4_calls"] == layers[name]
        assert "__cudnn$blockScaledDot" in row["kernels"]
        assert row["flops"]["float4"] > 0
      else:
        assert "float4_calls" not in row
        assert "float4" not in row["flops"]
    assert (
      explore["h200"]["bytes"]["argument"]
      < by_kind["rollout"]["h200"]["bytes"]["argument"]
    )


def test_an_iteration_keeps_both_copies_of_the_weights():
  def row(argument, total):
    return {"bytes": {"argument": argument, "total": total}}

  by_kind = {
    "rollout": row(10, 14),
    "explore": row(3, 5),
    "update": row(11, 20),
  }
  assert pictures_page.whole_bytes(by_kind) == 20 + 3
  assert pictures_page.whole_bytes(by_kind | {"update": row(10, 11)}) == 14 + 3
  assert pictures_page.whole_bytes(by_kind | {"update": None}) == 0
  large = by_kind | {"update": row(10, 11), "explore": row(3, 9)}
  assert pictures_page.whole_bytes(large) == 9 + 10


def test_the_page_says_what_fits_and_how_much_is_missing():
  row = {
    "fits": False,
    "over": 2.5 * GIB,
    "bytes": {"total": 34.5 * GIB},
    "kernels": ["__cudnn$x"],
    "flops": {"float4": 3e12},
    "float4_calls": 7,
  }
  rows = {"flux_12b": {"explore": {"rtx5090": row}}}
  line = pictures_page._fits(rows).splitlines()[2]
  cells = [each.strip() for each in line.split("|")[1:-1]]
  assert cells[:3] == ["flux_12b", "explore", "34.5, **NO** by 2.5"]
  assert cells[3:] == ["-"] * 4
  line = pictures_page._four(rows).splitlines()[2]
  cells = [each.strip() for each in line.split("|")[1:-1]]
  assert cells == ["flux_12b", "rtx5090", "7", "3", "__cudnn x"]
