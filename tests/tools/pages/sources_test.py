"""An address leads to one figure of a stored table."""

import json
import os

import pytest

from tests.experiments.studies.record_test import record
from tools.pages import sources
from tools.pages.sources import Figure

ROW = {
  "world": "shop", "metric": "semantic/hits@10", "arm": "b", "baseline": "a",
  "value": 0.6, "value_low": 0.5, "value_high": 0.7, "difference": 0.2,
  "low": 0.1, "high": 0.4, "n": 50, "seeds": 3,
}  # fmt: skip
ALONE = ROW | {
  "arm": "a", "baseline": "a", "value": 0.4, "value_low": None,
  "value_high": None, "difference": 0.0, "low": 0.0, "high": 0.0,
}  # fmt: skip


@pytest.fixture
def results(tmp_path):
  worlds = {
    "shop": {"prefill": {"a": {"ms": 4.0}, "b": {"ms": 1.0}}, "users": [7, 8]},
    "sea": {},
  }
  (tmp_path / "study").mkdir()
  text = record(worlds=worlds, rows=[ROW, ALONE]).to_json()
  (tmp_path / "study" / "table.json").write_text(text)
  speed = {"a b": {"ms": 3, "name": "x"}, "peer": {"ms": 12, "met": True}}
  (tmp_path / "speed.json").write_text(json.dumps(speed))
  return tmp_path


@pytest.mark.parametrize(
  ("address", "figure"),
  [
    ("a: study/shop semantic/hits@10", (0.4, None, None)),
    # No row has b alone: beside a stands its own figure.
    ("b: study/shop semantic/hits@10", (0.6, 0.5, 0.7)),
    ("b: study/shop semantic/hits@10 n", (50, None, None)),
    ("b - a: study/shop semantic/hits@10", (0.2, 0.1, 0.4)),
    ("b - a: study/shop semantic/hits@10 %", (20, 10, 40)),
    ("a - b: study/shop semantic/hits@10", (-0.2, -0.4, -0.1)),
    ("b / a: study/shop semantic/hits@10", (1.5, 1.25, 2.0)),
    ("b: study/shop prefill/ms", (1.0, None, None)),
    ("b - a: study/shop prefill/ms", (-3.0, None, None)),
    ("b / a: study/shop prefill/ms * 8", (2.0, None, None)),
    ("study.worlds.shop.users.1", (8, None, None)),
    ("speed.a b.ms", (3, None, None)),
    ("speed.peer.ms / speed.a b.ms", (4, None, None)),
  ],
)
def test_an_address_has_one_figure(results, address, figure):
  found = sources.look_up(address, results)
  for got, wanted in zip((found.value, found.low, found.high), figure):
    assert got == (wanted and pytest.approx(wanted))
  assert found.is_difference == (" - " in address)


@pytest.mark.parametrize(
  "address",
  [
    "c: study/shop semantic/hits@10",
    "a: study/shop semantic/hits@1",
    "a: study/sky semantic/hits@10",
    # Two worlds: one has to be named.
    "a: study semantic/hits@10",
    "a: nothing semantic/hits@10",
    "study.worlds.sea.users",
    "speed.a b.name",
    "speed.peer.met",
    "b: study/shop prefill/seconds",
  ],
)
def test_what_no_table_has_is_refused(results, address):
  with pytest.raises(ValueError, match="no stored table has"):
    sources.look_up(address, results)


def test_choices_are_expanded_in_the_order_of_a_table():
  assert sources.expand("{a, b} - c: x/{u,v} {m,n} %") == [
    f"{arm} - c: x/{world} {metric} %"
    for arm in "ab"
    for world in "uv"
    for metric in "mn"
  ]
  assert sources.expand("a: x m") == ["a: x m"]


def test_a_factor_leaves_absent_ends_absent():
  assert Figure(2.0, None, 3.0).times(100) == Figure(200.0, None, 300.0)


def test_a_table_that_was_written_again_is_read_again(results):
  address = "speed.peer.ms"
  assert sources.look_up(address, results).value == 12
  path = results / "speed.json"
  path.write_text(json.dumps({"peer": {"ms": 13}}))
  os.utime(path, (1, 1))
  assert sources.look_up(address, results).value == 13
