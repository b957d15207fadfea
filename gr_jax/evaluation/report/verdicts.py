"""Where a model stands against the other systems, in words."""

from collections.abc import Iterable, Mapping, Sequence

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report.svg import plain

# What a headline shows: items of all requests; `shown` chooses the treatment of
# seen items.
MAIN = {"level": "item", "segment": "all"}
METRIC = {"metric": "recall", "k": 10}

# Where less of what is taken was had before, nobody takes an item twice.
REPEATED = 0.01
AHEAD, BEHIND, LEVEL = "ahead", "behind", "not distinguishable"

_WORDS = {
  AHEAD: "is ahead of",
  BEHIND: "is behind",
  LEVEL: "is not distinguishable from",
}


def treatments(sampled: Iterable[Mapping]) -> dict[str, str]:
  """How a headline treats seen items, by kind of requests.

  "out" where users had less than 1 % of what they take before: answers that
  hold what they have are then lost places, and a system that leaves them out
  would be ahead for that alone. "kept" elsewhere.

  Args:
    sampled: rows that have "requests" and "repeated", that share, None where
      nobody had anything.
  """
  found = {}
  for row in sampled:
    repeated = row.get("repeated")
    fresh = repeated is not None and repeated < REPEATED
    found[row["requests"]] = "out" if fresh else "kept"
  return found


def shown(rows: Sequence[dict], sampled: Iterable[Mapping] = ()) -> list[dict]:
  """The rows with seen items treated as a headline does (`treatments`)."""
  chosen = treatments(sampled)
  return [
    row for row in rows if row["seen"] == chosen.get(row["requests"], "kept")
  ]


def verdict(row: Mapping) -> str:
  """How the model stands against the system of a row, see `of_interval`."""
  return of_interval(row["difference_low"], row["difference_high"])


def of_interval(low: float, high: float) -> str:
  """The word for a paired difference, model minus system, by its interval.

  The model is ahead or behind where the 95 % interval leaves out 0, and not
  distinguishable where the interval holds 0.
  """
  if low > 0:
    return AHEAD
  if high < 0:
    return BEHIND
  return LEVEL


def difference(row: Mapping, digits: int = 3) -> str:
  """The paired difference and its interval, "+0.012 [-0.003, +0.027]"."""
  value, low, high = (
    f"{row[name]:+.{digits}f}"
    for name in ("difference", "difference_low", "difference_high")
  )
  return f"{value} [{low}, {high}]"


def summary(results: Sequence[dict]) -> str:
  """The best system of each kind of requests, and where the model stands.

  Recall@10 at the item level. The model is compared with the best of the
  others, by the interval of their paired difference. Empty without figures.

  Args:
    results: rows of one treatment of seen items (`shown`).
  """
  rows = tidy.select(results, **MAIN, **METRIC)
  parts = [
    f"On {plain(kind)} requests: {_sentence(tidy.select(rows, requests=kind))}"
    for kind in tidy.kinds(rows)
  ]
  return " ".join(["Best at recall@10 of items.", *parts]) if parts else ""


def _sentence(rows: Sequence[dict]) -> str:
  ranked = sorted(rows, key=lambda row: -row["value"])
  best, *_ = ranked
  text = _figure(best)
  model = next((row for row in rows if row["role"] == tidy.MODEL), None)
  others = [row for row in ranked if row["difference"] is not None]
  if model is None or not others:
    return f"{text}."
  other = others[0]
  named, target = _figure(model), "it"
  if best is model:
    named, target = "it", f"the next best, {_figure(other)}"
  words = f"{named} {_WORDS[verdict(other)]} {target}"
  return f"{text}; {words}: {difference(other)}."


def _figure(row: Mapping) -> str:
  return f"{row['system']} ({row['value']:.3f})"
