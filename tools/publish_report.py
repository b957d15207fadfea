"""Keeps the headline of a run: a small table and a picture.

  python tools/publish_report.py --report=runs/cq_sid-default/report.json \
    --output=experiments/results/cq_sid
"""

import argparse
import pathlib
import sys
from collections.abc import Mapping

from gr_jax.evaluation import (
  report_file,
  result_plots,
  results,
  svg_file,
)

_MAIN = {"level": "item", "seen": "kept", "segment": "all"}
_KINDS = ("semantic", "personalised", "next_basket")


def table(report: Mapping) -> str:
  """Recall@10 at the item level, seen items kept, as Markdown."""
  rows = results.select(report["results"], **_MAIN, metric="recall", k=10)
  systems = dict.fromkeys(row["system"] for row in rows)
  lines = [
    "| recall@10 | semantic | personalised | next basket |",
    "|---|---|---|---|",
  ]
  for system in sorted(systems, key=lambda name: -_sort_key(rows, name)):
    cells = [_cell(rows, system, kind) for kind in _KINDS]
    name = system if system in results.FLOORS else f"**{system}**"
    lines.append(" | ".join([f"| {name}", *cells]) + " |")
  return "\n".join(lines)


def _sort_key(rows: list[dict], system: str) -> float:
  found = results.select(rows, system=system, requests="personalised")
  return found[0]["value"] if found else -1.0


def _cell(rows: list[dict], system: str, kind: str) -> str:
  found = results.select(rows, system=system, requests=kind)
  if not found:
    return "-"
  row = found[0]
  return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def document(report: Mapping) -> str:
  """The table and where it came from."""
  origin = report["origin"]
  count = max(row["n"] for row in report["results"])
  minutes = sum(report["seconds"].values()) / 60
  versions = ", ".join(f"{k} {v}" for k, v in report["versions"].items())
  return "\n".join(
    [
      table(report),
      "",
      f"Item level, seen items kept, up to {count:,} requests of the test "
      "period of each kind, 95 % bootstrap intervals over users.",
      "",
      f"- command: `{origin['command']}`",
      f"- commit: {origin['commit']}",
      f"- seeds: tokenizer {report['config']['tokenizer']['seed']}, generator "
      f"{report['config']['generator']['seed']}, requests "
      f"{report['config']['evaluation']['seed']}",
      f"- machine: {origin['machine']}; {minutes:.1f} minutes in all",
      f"- versions: {versions}",
      "",
    ]
  )


def main(arguments: list[str]) -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--report", type=pathlib.Path, required=True)
  parser.add_argument("--output", type=pathlib.Path, required=True)
  options = parser.parse_args(arguments)
  if not options.report.exists():
    sys.exit(f"error: {options.report} does not exist; run a config first.")
  report = report_file.read_report(options.report)
  options.output.mkdir(parents=True, exist_ok=True)
  report_file.write_text(options.output / "table.md", document(report))
  rows = results.select(report["results"], **_MAIN, metric="recall", k=10)
  picture = svg_file.standing_alone(result_plots.recall_by_system(rows))
  report_file.write_text(options.output / "recall.svg", picture)
  print(table(report))


if __name__ == "__main__":
  main(sys.argv[1:])
