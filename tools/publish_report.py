"""Keeps the figures of a run: a table for programs, a page and a picture.

  python tools/publish_report.py --report=runs/cq_sid-default/report.json \
    --output=experiments/results/cq_sid

writes table.json, table.md and recall.svg. `--seen=out` shows the figures
without what the shopper has bought already; table.json holds both.
`--systems=bm25,dpr` keeps these alone. Then
`python tools/claims.py --rebuild` and `python tools/figures.py` bring them into
the claims and the pages.
"""

import argparse
import pathlib
import sys
from collections.abc import Mapping

from experiments.studies import run_page, run_record
from gr_jax import command_line
from gr_jax.atomic import write_text
from gr_jax.evaluation import results
from gr_jax.evaluation.report import report_file, result_plots, svg


def recall_rows(report: Mapping, *, seen: str = "kept") -> list[dict]:
  """Recall@10 at the item level; seen items are "kept" or "out"."""
  wanted = {"level": "item", "seen": seen, "segment": "all"}
  return results.select(report["results"], **wanted, metric="recall", k=10)


def main(arguments: list[str] | None = None) -> int:
  return command_line.run(_parser(), _publish, arguments)


def _publish(options: argparse.Namespace) -> None:
  if not options.report.exists():
    raise ValueError(f"{options.report} does not exist; run a config first.")
  report = report_file.read_report(options.report)
  name = options.output.resolve().name
  systems = list(filter(None, options.systems.split(",")))
  record = run_record.from_report(
    report, name, seen=options.seen, systems=systems
  )
  options.output.mkdir(parents=True, exist_ok=True)
  write_text(options.output / "table.json", record.to_json())
  write_text(options.output / "table.md", run_page.page(record))
  rows = recall_rows(report, seen=options.seen)
  rows = [row for row in rows if not systems or row["system"] in systems]
  picture = svg.standing_alone(result_plots.recall_by_system(rows).picture)
  write_text(options.output / "recall.svg", picture)
  print(run_page.figures(record))


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser("python tools/publish_report.py", __doc__)
  parser.add_argument("--report", type=pathlib.Path, required=True)
  parser.add_argument("--output", type=pathlib.Path, required=True)
  parser.add_argument("--seen", choices=("kept", "out"), default="kept")
  parser.add_argument("--systems", default="", help="those to keep [all]")
  return parser


if __name__ == "__main__":
  sys.exit(main())
