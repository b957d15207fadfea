"""The page counts what the record says."""

import json

import pytest

from tools import mutate
from tools.mutation import page


def row(number, result, **changes):
  return {
    "file": "gr_jax/rl/kl.py",
    "line": number,
    "offset": number,
    "operator": "term",
    "before": f"a + {number}",
    "after": "(a)",
    "why": "tests/rl/kl_test.py::test_k: error" if result == "mirror" else "",
    "seconds": 1.0,
    "result": result,
    "wider_ran": True,
    "commit": "abc",
  } | changes


def write(folder, rows):
  lines = "".join(json.dumps(each) + "\n" for each in rows)
  (folder / "seed_0.jsonl").write_text(lines)
  hand = [
    {"file": "gr_jax/rl/kl.py", "before": "b", "after": "c", "what": "a sign"}
  ]
  (folder / "by_hand.json").write_text(json.dumps(hand))
  killed = row(9, "mirror", before="b", after="c")
  (folder / "by_hand_record.jsonl").write_text(json.dumps(killed) + "\n")
  same = [
    {
      "file": "gr_jax/rl/kl.py",
      "line": 4,
      "before": "a + 4",
      "after": "(a)",
      "reason": "the term is zero",
    }
  ]
  (folder / "equivalent.json").write_text(json.dumps(same))


@pytest.fixture
def text(tmp_path):
  write(
    tmp_path,
    [
      row(1, "mirror"),
      row(2, "survived"),
      row(2, "wider"),  # Run again: the newest line counts.
      row(3, "survived", file="gr_jax/rl/ratios.py"),
      row(4, "survived"),
    ],
  )
  return page.page(tmp_path, rooms=("rl", "text"))


def cells(text, start, columns):
  """The lines of a table that begin so."""
  return [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in text.splitlines()
    if line.startswith(f"| {start}") and line.count("|") == columns + 1
  ]


def test_a_sample_has_what_survived_at_first_and_now(text):
  assert cells(text, "seed 0", 5) == [
    ["seed 0", "4", "1", "2 (66.7 %)", "1 (33.3 %)"]
  ]


def test_the_table_has_a_line_for_each_file(text):
  assert cells(text, "rl/", 6) == [
    ["rl/kl.py", "3", "1", "1", "1", "0"],
    ["rl/ratios.py", "1", "0", "0", "0", "1"],
  ]


def test_survivors_and_equivalent_mutants_are_listed(text):
  assert "* `rl/ratios.py:3`: `a + 3` to `(a)`\n" in text
  assert "* `rl/kl.py:4`: `a + 4` to `(a)`: the term is zero\n" in text
  assert "| rl/kl.py | a sign | `test_k` |" in text


def test_the_stored_page_is_that_of_the_stored_records():
  stored = (mutate.RESULTS / "table.md").read_text(encoding="utf-8")
  assert page.page(mutate.RESULTS, rooms=mutate.ROOMS) == stored
