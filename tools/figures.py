"""Brings the figures of the stored tables into the pages.

  python tools/figures.py

reads README.md, docs and experiments/results and writes every figure anew from
`experiments/results/**.json`; `tools/pages/filled.py` says how a page names its
sources. It prints what changed and exits with 1 where a number has no source.
It also writes the `table.md` of single runs; those of studies, and
results/README.md, are written by the studies and by `tools/claims.py`.
"""

import argparse
import pathlib
import sys
from collections.abc import Iterator

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from experiments.studies import run_page
from experiments.studies.record import load_record
from experiments.studies.run_record import SINGLE_RUN
from gr_jax import command_line
from gr_jax.atomic import write_text
from tools.pages import filled

ROOT = pathlib.Path(__file__).parents[1]
RESULTS = ROOT / "experiments/results"


def pages() -> Iterator[pathlib.Path]:
  """The pages that people write."""
  yield ROOT / "README.md"
  yield from sorted((ROOT / "docs").glob("*.md"))
  # README.md there is written by tools/claims.py.
  yield from sorted(set(RESULTS.glob("*.md")) - {RESULTS / "README.md"})
  yield from sorted(RESULTS.glob("*/README.md"))


def tables() -> dict[pathlib.Path, str]:
  """The pages of single runs, from the records beside them."""
  found = {}
  for path in sorted(RESULTS.glob("*/table.json")):
    record = load_record(path)
    if record.study == SINGLE_RUN:
      found[path.with_name("table.md")] = run_page.page(record)
  return found


def _work(options: argparse.Namespace) -> int:
  del options
  code = 0
  for path, text in tables().items():
    write_text(path, text)
  for path in pages():
    text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT)
    try:
      new = filled.fill(text, RESULTS)
    except ValueError as error:
      print(f"error: {name}: {error}", file=sys.stderr)
      code = 1
      continue
    if new != text:
      write_text(path, new)
      print(f"written: {name}")
  return code


def main(arguments: list[str] | None = None) -> int:
  parser = command_line.parser("python tools/figures.py", __doc__)
  return command_line.run(parser, _work, arguments)


if __name__ == "__main__":
  sys.exit(main())
