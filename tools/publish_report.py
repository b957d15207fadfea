"""Keeps the headline of a run: a small table and a picture.

  python tools/publish_report.py --report=runs/cq_sid-default/report.json \
    --output=experiments/results/cq_sid

`--seen=out` keeps the figures without what the shopper has bought already.
"""

import argparse
import pathlib
import sys
from collections.abc import Mapping

from gr_jax import command_line
from gr_jax.atomic import write_text
from gr_jax.evaluation import results
from gr_jax.evaluation.report import (
  report_file,
  result_plots,
  run_sections,
  svg,
)
from gr_jax.evaluation.report.text_table import markdown

_SEEN = {"kept": "kept", "out": "taken out"}


def recall_rows(report: Mapping, *, seen: str = "kept") -> list[dict]:
  """Recall@10 at the item level; seen items are "kept" or "out"."""
  wanted = {"level": "item", "seen": seen, "segment": "all"}
  return results.select(report["results"], **wanted, metric="recall", k=10)


def table(rows: list[dict]) -> str:
  """`recall_rows` as Markdown, by the figures of personalised requests.

  Where there are none the last kind of requests decides.
  """
  kinds = results.kinds(rows)
  first = "personalised" if "personalised" in kinds else kinds[-1]
  figures = {(row["system"], row["requests"]): row for row in rows}
  roles = {row["system"]: row["role"] for row in rows}
  order = results.from_best(results.select(rows, requests=first))
  lines = [["recall@10", *map(svg.plain, kinds)]]
  for system in dict.fromkeys([*order, *roles]):
    name = f"**{system}**" if roles[system] == results.MODEL else system
    cells = [_cell(figures.get((system, kind))) for kind in kinds]
    lines.append([name, *cells])
  return markdown(lines)


def _cell(row: Mapping | None) -> str:
  if row is None:
    return "-"
  return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def document(report: Mapping, *, seen: str = "kept") -> str:
  """The table and where it came from."""
  rows = recall_rows(report, seen=seen)
  origin = report["origin"]
  count = max(row["n"] for row in rows)
  minutes = sum(report["seconds"].values()) / 60
  versions = ", ".join(f"{k} {v}" for k, v in report["versions"].items())
  return "\n".join(
    [
      table(rows),
      "",
      f"Item level, seen items {_SEEN[seen]}, up to {count:,} requests of the "
      "test period of each kind, 95 % bootstrap intervals over users.",
      "",
      f"- command: `{origin['command']}`",
      f"- commit: {', '.join(run_sections.distinct(report['commits']))}",
      f"- seeds: tokenizer {report['config']['tokenizer']['seed']}, generator "
      f"{report['config']['generator']['seed']}, requests "
      f"{report['config']['evaluation']['seed']}",
      f"- machine: {origin['machine']}; {minutes:.1f} minutes in all",
      f"- versions: {versions}",
      "",
    ]
  )


def main(arguments: list[str] | None = None) -> int:
  return command_line.run(_parser(), _publish, arguments)


def _publish(options: argparse.Namespace) -> None:
  if not options.report.exists():
    raise ValueError(f"{options.report} does not exist; run a config first.")
  report = report_file.read_report(options.report)
  options.output.mkdir(parents=True, exist_ok=True)
  write_text(options.output / "table.md", document(report, seen=options.seen))
  rows = recall_rows(report, seen=options.seen)
  picture = svg.standing_alone(result_plots.recall_by_system(rows).picture)
  write_text(options.output / "recall.svg", picture)
  print(table(rows))


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser("python tools/publish_report.py", __doc__)
  parser.add_argument("--report", type=pathlib.Path, required=True)
  parser.add_argument("--output", type=pathlib.Path, required=True)
  parser.add_argument("--seen", choices=_SEEN, default="kept")
  return parser


if __name__ == "__main__":
  sys.exit(main())
