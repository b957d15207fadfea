"""Measures the speed of the library beside what a user would pick instead.

  pip install '.[benchmark]'
  python tools/benchmark.py rq_vae --cores=1 --output=rq_vae.json

Each contender runs in its own process. In every round each runs once, in turn;
printed are medians and, in brackets, the lowest and highest round. The ratio is
the contender's seconds over those of the first line of its batch, which is
ours: above 1 we are faster. On one core (pinned, one thread) it is of CPU
seconds, which hold on a busy machine as well; on several it is of wall seconds
and needs a quiet one. Peers that are not installed are left out.
"""

import argparse
import functools
import importlib.util
import json
import os
import pathlib
import sys
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from gr_jax import command_line, provenance
from tools.benchmarks import (
  candidates,
  constraint,
  decoder,
  four_bits,
  kmeans,
  lazy_ar,
  lifelong,
  rollouts,
  rq_vae,
  search,
  semi_local,
  token_merger,
  trie,
)
from tools.benchmarks.contender import Section
from tools.benchmarks.report import (
  machine,
  machine_line,
  medians,
  rows,
  section_table,
  verdict_lines,
  verdicts,
  versions,
)
from tools.benchmarks.rounds import measure

SECTIONS: dict[str, Callable[[], Section]] = {
  "rq_vae": rq_vae.section,
  "kmeans": kmeans.section,
  "kmeans_mixture": functools.partial(
    kmeans.section, name="kmeans_mixture", data=kmeans.MIXTURE
  ),
  "decoder": decoder.section,
  "trie": trie.section,
  "constraint": constraint.section,
  "search": search.section,
  "candidates": candidates.section,
  "token_merger": token_merger.section,
  "lazy_ar": lazy_ar.section,
  "lifelong": lifelong.section,
  "rollouts": rollouts.section,
  "four_bits": four_bits.section,
  "semi_local": semi_local.section,
}


def missing(section: Section) -> set[str]:
  """Packages that contenders of the section need and that are not here."""
  needs = {name for each in section.contenders for name in each.needs}
  return {name for name in needs if importlib.util.find_spec(name) is None}


def main(arguments: list[str] | None = None) -> int:
  """Measures, prints and writes; returns the exit code."""
  return command_line.run(_parser(), _work, arguments)


def _work(flags: argparse.Namespace) -> None:
  _check(flags)
  report = _measure_all(flags, command_line.progress_printer())
  if flags.output:
    flags.output.write_text(json.dumps(report, indent=1))


def _measure_all(flags: argparse.Namespace, progress) -> dict:
  names = SECTIONS if flags.section == "all" else [flags.section]
  metric = "cpu_seconds" if flags.cores == 1 else "wall_seconds"
  found, judged = [], []
  here = machine(cores=flags.cores)
  print(machine_line(here))
  for name in names:
    section = SECTIONS[name]()
    absent = missing(section)
    samples = measure(
      [c for c in section.contenders if not absent & {*c.needs}],
      rounds=flags.rounds,
      cores=flags.cores,
      progress=progress,
    )
    print(section_table(section, samples, metric=metric))
    if absent:
      print(f"not installed, left out: {', '.join(sorted(absent))}")
    outcome = verdicts(section, samples, metric=metric)
    print(verdict_lines(outcome))
    found += rows(section, samples)
    judged += outcome
  return {
    "command": " ".join(["python", *_kept(sys.argv)]),
    "commit": provenance.commit(),
    "machine": here,
    "versions": versions(),
    "medians": medians(found),
    "rows": found,
    "bars": judged,
  }


def _kept(arguments: list[str]) -> list[str]:
  """The arguments without the file, which is no part of the result."""
  return [one for one in arguments if not one.startswith("--output=")]


def _check(flags: argparse.Namespace) -> None:
  available = len(os.sched_getaffinity(0))
  if not 1 <= flags.cores <= available:
    raise ValueError(f"--cores={flags.cores}: this process has {available}.")
  if flags.rounds < 1:
    raise ValueError(f"--rounds={flags.rounds}: at least one is needed.")
  folder = flags.output and flags.output.resolve().parent
  if folder and not folder.is_dir():
    raise FileNotFoundError(f"--output: there is no folder {folder}.")


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser("python tools/benchmark.py", __doc__)
  add = parser.add_argument
  add("section", nargs="?", default="all", choices=[*SECTIONS, "all"])
  add("--rounds", type=int, default=5, help="runs of each contender [5]")
  add("--cores", type=int, default=1, help="cores a contender is pinned to [1]")
  add("--output", type=pathlib.Path, help="JSON file: one row a figure")
  return parser


if __name__ == "__main__":
  sys.exit(main())
