"""`report.json`: everything that a run found out, in one file."""

import json
from pathlib import Path

from gr_jax.atomic import write_text
from gr_jax.provenance import versions


def write_report(path: Path, **parts) -> dict:
  """Writes `report.json` and returns what it holds.

  The file appears whole or not at all.

  Args:
    path: where it is written.
    **parts: what the run found out, as JSON knows it; the versions of the
      packages are added.

  Raises:
    ValueError: a figure is NaN or infinite, which JSON does not know.
  """
  report = {"versions": versions(), **parts}
  write_text(path, json.dumps(report, indent=1, allow_nan=False))
  return report


def read_report(path: Path) -> dict:
  """The report that `write_report` wrote."""
  return json.loads(Path(path).read_text(encoding="utf-8"))
