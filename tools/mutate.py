"""Mutation testing: do the tests fail when the code is wrong?

  python tools/mutate.py --count=200 --seed=0

draws small wrong changes (`tools/mutation/operators.py`) of the mathematical
files and runs, in a copy of the tree, the mirrored test file against each; what
survives it meets the other tests of its package. Every result is one line of
the record, and the same command goes on where it was stopped.

  --again            repeats what survived and is not in `equivalent.json`
  --by_hand=FILE     runs written changes, [{"file", "before", "after", "what"}]
  --page             writes the page of all records
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).parents[1]
if str(ROOT) not in sys.path:
  sys.path.insert(0, str(ROOT))

from tools.mutation.operators import (  # noqa: E402
  Mutant,
  by_hand,
  mutants,
  sample,
)
from tools.mutation.record import (  # noqa: E402
  RESULTS,
  key_of,
  line_key,
  load_equivalent,
  load_record,
)
from tools.mutation.runs import (  # noqa: E402
  TestRuns,
  copied_tree,
  mirrored_test,
  room_tests,
)

ROOMS = (
  "tokenizers", "objectives", "rl", "decoding", "evaluation", "generators",
)  # fmt: skip
# Pages and pictures of a report.
_LEFT_OUT = ("gr_jax/evaluation/report/",)


def files(root: pathlib.Path) -> list[str]:
  """The mathematical files, with their path below the root."""
  found = []
  for room in ROOMS:
    for path in sorted((root / "gr_jax" / room).rglob("*.py")):
      name = path.relative_to(root).as_posix()
      if path.name != "__init__.py" and not name.startswith(_LEFT_OUT):
        found.append(name)
  return found


def drawn(root: pathlib.Path, *, count: int, seed: int) -> list[Mutant]:
  """The sample of a seed over all files."""
  found = []
  for name in files(root):
    found += mutants(name, (root / name).read_text())
  return sample(found, count=count, seed=seed)


def written(root: pathlib.Path, path: pathlib.Path) -> list[Mutant]:
  """The mutants of a file of written changes."""
  return [
    by_hand(
      row["file"],
      (root / row["file"]).read_text(),
      row["before"],
      row["after"],
    )
    for row in json.loads(path.read_text())
  ]


def run_all(
  todo: Sequence[Mutant],
  record: pathlib.Path,
  *,
  timeout: float,
  wider: bool,
) -> None:
  """Runs mutants file by file and appends a line for each to the record."""
  with (
    tempfile.TemporaryDirectory() as folder,
    copied_tree(ROOT, pathlib.Path(folder)) as tree,
    record.open("a") as lines,
  ):
    runs = TestRuns(tree)
    for file in sorted({mutant.file for mutant in todo}):
      own = mirrored_test(file)
      own_tests = [own] if (tree / own).exists() else []
      result, why = runs.run(own_tests, timeout=timeout)
      if own_tests and result != "passed":
        print(f"{own} does not pass without a mutant: {why}", flush=True)
        continue
      for mutant in todo:
        if mutant.file == file:
          row = _outcome(
            runs, mutant, own_tests, room_tests(tree, file) if wider else [],
            timeout=timeout,
          )  # fmt: skip
          lines.write(json.dumps(row) + "\n")
          lines.flush()
          print(
            f"{mutant.file}:{mutant.line} {mutant.operator}: {row['result']} "
            f"{row['seconds']} s {row['why'][:60]}",
            flush=True,
          )


def _outcome(
  runs: TestRuns,
  mutant: Mutant,
  own_tests: Sequence[str],
  others: Sequence[str],
  *,
  timeout: float,
) -> dict:
  """Killed by "mirror" or "wider" tests, or "survived" all that ran."""
  row = dataclasses.asdict(mutant) | {"why": "", "seconds": 0.0}
  row["result"] = "survived"
  for name, tests in (("mirror", own_tests), ("wider", others)):
    if tests and row["result"] == "survived":
      new = runs.outcome(mutant, tests, timeout=timeout)
      row["seconds"] += new["seconds"]
      if new["result"] != "passed":
        row |= {"result": name, "why": new["why"]}
  row["wider_ran"] = bool(others)
  row["commit"] = _commit()
  return row


def _commit() -> str:
  """The commit that the code is of; its tests may be newer."""
  return subprocess.run(
    ["git", "log", "-1", "--format=%h", "--", "gr_jax"],
    cwd=ROOT, check=True, capture_output=True, text=True,
  ).stdout.strip()  # fmt: skip


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    "python tools/mutate.py",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  add = parser.add_argument
  add("--record", type=pathlib.Path, help="the record [seed_SEED.jsonl]")
  add("--count", type=int, default=200, help="mutants that are drawn [200]")
  add("--seed", type=int, default=0, help="the seed of the draw [0]")
  add("--only", default="", help="files with this in the path [all]")
  add("--by_hand", type=pathlib.Path, metavar="FILE", help="see above")
  add("--again", action="store_true", help="see above")
  add("--no_wider", action="store_true", help="run the mirrored tests alone")
  add("--timeout", type=float, default=300.0, help="seconds of a run [300]")
  add("--page", action="store_true", help="see above")
  return parser


def main(argv: Sequence[str] | None = None) -> None:
  flags = _parser().parse_args(argv)
  if flags.page:
    # Not before: runs need a process that has imported nothing of gr_jax.
    from tools.mutation.page import page

    text = page(RESULTS, rooms=ROOMS)
    (RESULTS / "table.md").write_text(text)
    return
  if flags.by_hand:
    todo = written(ROOT, flags.by_hand)
  else:
    todo = drawn(ROOT, count=flags.count, seed=flags.seed)
  record = flags.record or RESULTS / f"seed_{flags.seed}.jsonl"
  if flags.by_hand and not flags.record:
    record = RESULTS / "by_hand_record.jsonl"
  done = load_record(record)
  todo = [
    mutant
    for mutant in todo
    if flags.only in mutant.file and _is_open(mutant, done, flags.again)
  ]
  run_all(todo, record, timeout=flags.timeout, wider=not flags.no_wider)


def _is_open(mutant: Mutant, done: dict[tuple, dict], again: bool) -> bool:
  """Not run yet, or to be repeated: nobody said why it survives."""
  row = dataclasses.asdict(mutant)
  if key_of(row) not in done:
    return True
  survived = done[key_of(row)]["result"] == "survived"
  return again and survived and line_key(row) not in load_equivalent()


if __name__ == "__main__":
  main()
