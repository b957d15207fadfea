"""The sample, the record, and the stored page."""

import ast
import json

import pytest

from tools import mutate
from tools.mutation.page import counts, page
from tools.mutation.record import RESULTS, load_equivalent, load_record

MOST_SURVIVORS = 0.05


def test_files_are_those_of_the_mathematical_packages():
  found = mutate.files(mutate.ROOT)
  assert "gr_jax/objectives/contrastive.py" in found
  assert "gr_jax/rl/losses/grpo.py" in found
  assert not any("report" in name or "__init__" in name for name in found)


def test_every_drawn_mutant_is_another_program():
  for mutant in mutate.drawn(mutate.ROOT, count=100, seed=1):
    source = (mutate.ROOT / mutant.file).read_text()
    changed = ast.parse(mutant.apply(source))
    assert ast.dump(changed) != ast.dump(ast.parse(source)), mutant


def test_the_page_is_that_of_the_record():
  stored = (RESULTS / "table.md").read_text()
  made = page(RESULTS, rooms=mutate.ROOMS)
  assert made == stored, "run python tools/mutate.py --page"


@pytest.mark.parametrize(("seed", "least"), [(0, 150), (1, 50)])
def test_hardly_any_mutant_of_a_stored_sample_survives(seed, least):
  rows = load_record(RESULTS / f"seed_{seed}.jsonl").values()
  found = counts(list(rows), load_equivalent())
  assert found["drawn"] >= least
  counted = found["drawn"] - found["equivalent"]
  assert found["survived"] <= MOST_SURVIVORS * counted


def test_every_written_fault_was_seen():
  written = json.loads((RESULTS / "by_hand.json").read_text())
  seen = {
    (row["file"], row["before"])
    for row in load_record(RESULTS / "by_hand_record.jsonl").values()
    if row["result"] != "survived"
  }
  assert {(row["file"], row["before"]) for row in written} == seen
