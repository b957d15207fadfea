"""How many comparisons a study makes, and which of them stand out.

Of a hundred differences of nothing five leave out 0 in their 95 % interval. The
q-value of a comparison is the false discovery rate at which it would be called
a difference (Benjamini and Hochberg 1995) among all comparisons of the study.
"""

from collections.abc import Mapping, Sequence

from scipy import stats

# The share of false ones that is put up with among what is called a difference.
RATE = 0.05


def _key(row: Mapping) -> tuple:
  """A variant beside a baseline is the comparison of both, once."""
  return row["world"], row["metric"], *sorted((row["arm"], row["baseline"]))


def family(rows: Sequence[Mapping]) -> dict[tuple, float]:
  """The p-value of every comparison of all worlds, each once."""
  return {_key(row): row["p"] for row in rows if row.get("p") is not None}


def with_q(rows: Sequence[Mapping]) -> list[dict]:
  """The rows with their `q`; None where there is no p-value.

  q_(i) = min_{j >= i}  p_(j) m / j,  p_(1) <= ... <= p_(m)
  """
  p = family(rows)
  q = stats.false_discovery_control(list(p.values())) if p else ()
  found = dict(zip(p, q))
  return [
    {**row, "q": None if row.get("p") is None else _short(found[_key(row)])}
    for row in rows
  ]


def _short(q: float) -> float:
  return float(f"{q:.3g}")


def stands_out(row: Mapping) -> bool:
  """Whether the row is called a difference at the rate of this file."""
  return row.get("q") is not None and row["q"] < RATE


def counts(rows: Sequence[Mapping]) -> tuple[int, int]:
  """The number of comparisons, and of those that stand out."""
  called = {_key(row) for row in rows if stands_out(row)}
  return len(family(rows)), len(called)
