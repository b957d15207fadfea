"""What a device must show at full size, and whether it does."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from tools.device.figure import OURS

BAR_BEAM, BAR_LATENCY_MS = 50, 50  # SA2CRQ's deployment.

Rows = Sequence[dict[str, Any]]


class Verdict(NamedTuple):
  """A bar, what was measured, and whether it is met; None = not measured."""

  claim: str
  value: float | None
  met: bool | None


def verdicts(rows: Rows) -> list[Verdict]:
  """Every bar of the full form."""
  share = find(rows, "training", "1.7B", "share_of_peak")
  ours = best_search(rows, OURS, BAR_LATENCY_MS)
  theirs = best_search(rows, "torch", math.inf)
  fastest = best_search(rows, OURS, math.inf)
  ratio = fastest / theirs if fastest and theirs else None
  shape = f"beam {BAR_BEAM}"
  return [
    _at_least("training at 1.7B: share of the bfloat16 peak", share, 0.4),
    _at_least(
      f"search, {shape}: requests/s with p99 <= {BAR_LATENCY_MS} ms", ours, 150
    ),
    _at_least(
      f"search, {shape}: requests/s over those of transformers", ratio, 20
    ),
    *_equalities(rows),
  ]


def find(
  rows: Rows, check: str, what: str, metric: str, side: str = OURS
) -> Any:
  """The value of one figure; None where there is none."""
  for row in rows:
    if (row["check"], row.get("what"), row.get("metric"), row.get("side")) == (
      check,
      what,
      metric,
      side,
    ):
      return row["value"]
  return None


def best_search(rows: Rows, side: str, latency_ms: float) -> float | None:
  """The most requests a second at the bar's beam within a 99 % latency.

  0 where everything that was measured takes longer; None where nothing was.
  """
  found = None
  for row in rows:
    what = str(row.get("what"))
    if (
      not row["check"].endswith("search")
      or row.get("metric") != "requests_per_s"
      or row.get("side") != side
      or not what.startswith(f"beam {BAR_BEAM},")
    ):
      continue
    late = find(rows, row["check"], what, "p99_ms", side)
    within = late is not None and late <= latency_ms
    found = max(found or 0.0, row["value"] if within else 0.0)
  return found


def _at_least(claim: str, value: float | None, minimum: float) -> Verdict:
  met = None if value is None else value >= minimum
  return Verdict(f"{claim} >= {minimum:g}", value, met)


def _equalities(rows: Rows) -> list[Verdict]:
  """One verdict for all figures of a check that are to be equal.

  Missed where one differs or an error hides one; where time ran out before the
  end and all so far are equal, nothing is said.
  """
  found = []
  for check, claim in (
    ("kernels", "every attention of this device equals the plain one"),
    ("equality", "a tiny run gives the figures of the CPU"),
  ):
    mine = [row for row in rows if row["check"] == check]
    equal = [row["value"] for row in mine if row.get("metric") == "equal"]
    failed = any("error" in row for row in mine) or not all(equal)
    whole = bool(equal) and not any("skipped" in row for row in mine)
    met = False if failed else whole or None
    value = sum(equal) / len(equal) if equal else None
    found.append(Verdict(f"{claim}: share of {len(equal)}", value, met))
  return found
