"""`report.json`: everything that a run found out, in one file."""

import json
from collections.abc import Sequence
from pathlib import Path

from gr_jax.atomic import write_text
from gr_jax.provenance import versions


def write_report(
  path: Path,
  *,
  config: dict,
  seconds: dict[str, float],
  results: Sequence[dict],
  **extra,
) -> dict:
  """Writes `report.json` and returns what it holds.

  The file appears whole or not at all. Extra keys that the page draws:

    quality: rows of the tokenizer's quality, `{"metric", "level", "value"}`.
    level_sizes: number of codes at each level.
    items_per_id: number of IDs that name one item, two, and so on.
    history: `{training: rows of its metrics log}`, each row with "step" and
      figures, of which those named "...loss" and "...per_second" are drawn.
    beams: rows `{"requests", "beam", "value", "low", "high"}`, recall@10.
    hallucination: rows `{"requests", "value", "low", "high", "n"}`, the share
      of the unconstrained beam's IDs that the catalogue does not have.

  Raises:
    ValueError: a figure is NaN or infinite, which JSON does not know.
  """
  report = {
    "config": config,
    "versions": versions(),
    "seconds": seconds,
    "results": list(results),
    **extra,
  }
  write_text(path, json.dumps(report, indent=1, allow_nan=False))
  return report


def read_report(path: Path) -> dict:
  """What `write_report` wrote."""
  return json.loads(Path(path).read_text(encoding="utf-8"))
