"""Claims that single runs decide, from the table that was kept of each.

A run has one seed and no paired differences: a system is above another where
their intervals do not overlap, so the ends of a difference are those of its two
figures furthest apart.
"""

import itertools
import pathlib
import re
from collections.abc import Sequence

from experiments.studies.claims import Bar, Claim, at_least, value
from experiments.studies.record import Record

_CELL = re.compile(r"(\d\.\d+) \[(\d\.\d+), (\d\.\d+)\]")
_COMMAND = "python -m gr_jax.main --config=configs/"


def load_run(folder: pathlib.Path) -> Record:
  """The figures of `table.md`; none where there is no such file."""
  path = folder / "table.md"
  text = path.read_text(encoding="utf-8") if path.exists() else ""
  lines = [
    line.strip("| ").split("|") for line in text.splitlines() if "|" in line
  ]
  count = re.search(r"up to ([\d,]+) requests", text)
  n = int(count[1].replace(",", "")) if count else None
  rows = []
  for k, kind in enumerate(lines[0][1:] if lines else (), start=1):
    metric = f"{kind.strip().replace(' ', '_')}/{lines[0][0].strip()}"
    found = {
      cells[0].strip(" *"): [float(x) for x in cell.groups()]
      for cells in lines[2:]
      if (cell := _CELL.search(cells[k]))
    }
    rows += [
      _row(folder.name, metric, n, *pair)
      for pair in itertools.product(found.items(), repeat=2)
    ]
  return Record(
    study=folder.name,
    labels={},
    worlds={folder.name: {"seeds": [0]}},
    rows=rows,
    origin={
      "command": _line(text, "command") or f"{_COMMAND}{folder.name}.py",
      "commit": _line(text, "commit"),
      "machine": _line(text, "machine").partition(";")[0],
    },
    config={},
  )


def _row(world: str, metric: str, n: int | None, mine, other) -> dict:
  (arm, (middle, low, high)), (baseline, (base, base_low, base_high)) = (
    mine,
    other,
  )
  return {
    "world": world, "metric": metric, "arm": arm, "baseline": baseline,
    "value": middle, "value_low": low, "value_high": high,
    "difference": round(middle - base, 3), "low": round(low - base_high, 3),
    "high": round(high - base_low, 3), "seeds": 1, "n": n,
  }  # fmt: skip


def _line(text: str, name: str) -> str:
  found = re.search(rf"^- {name}: `?(.*?)`?$", text, re.MULTILINE)
  return found[1] if found else ""


_APART = Bar("intervals apart", lambda value, low, high: low > 0)


def _above(kind: str, baselines: Sequence[str]) -> list[Claim]:
  """The default run against its baselines, one claim each."""
  return [
    Claim(
      "CQ-SID", f"{kind.replace('_', ' ')} requests: above {name}", "[OURS]",
      "", f"{kind}/recall@10", "cq_sid", name, _APART,
    )
    for name in baselines
  ]  # fmt: skip


def _beauty(text: str, source: str, paper: str, bar: Bar) -> Claim:
  return Claim(
    "TIGER", f"Beauty, leave one out: {text}", source, paper,
    "next_basket/recall@10", "amazon_beauty", "", bar, value,
  )  # fmt: skip


def _scifact(
  system: str, text: str, arm: str, baseline: str = "", **bar
) -> Claim:
  return Claim(
    system, f"SciFact: {text}", "[OURS]", "", "semantic/graded_ndcg@10", arm,
    baseline, **bar,
  )  # fmt: skip


# By folder of `experiments/results`.
CLAIMS = {
  "cq_sid": (
    *_above("personalised", ("query_counts", "nearest", "bm25")),
    *_above("personalised", ("popularity", "item_knn")),
    *_above("semantic", ("query_counts", "nearest", "bm25", "popularity")),
    *_above("next_basket", ("repeat", "item_knn", "popularity")),
    # No baseline of the table reads what the model reads.
    *_above("personalised", ("counts of query and history together",)),
  ),
  "amazon_beauty": (
    _beauty(
      "a single generator reaches TIGER", "arXiv 2305.05065, table 1",
      "recall@10 .0648", at_least(0.0648),
    ),
    _beauty("a single generator reaches 0.070", "[OURS]", "", at_least(0.07)),
    _beauty("a single generator reaches 0.080", "[OURS]", "", at_least(0.08)),
    Claim(
      "TIGER", "Beauty, leave one out: above counting what follows what",
      "[OURS]", "", "next_basket/recall@10", "amazon_beauty", "item_knn",
      _APART,
    ),
  ),
  # No table of these runs was kept.
  "scifact": (
    _scifact(
      "BM25", "nDCG@10 within 0.01 of the published 0.660", "bm25",
      bar=Bar("0.650 to 0.670", lambda x, low, high: abs(x - 0.66) <= 0.01),
      figure=value,
    ),
    _scifact("DPR", "above BM25", "dpr", "bm25", bar=_APART),
    _scifact("TIGER", "above BM25", "tiger", "bm25", bar=_APART),
    _scifact("DSI", "above BM25", "dsi", "bm25", bar=_APART),
    _scifact("NCI", "above BM25", "nci", "bm25", bar=_APART),
  ),
  "eg_grpo": tuple(
    Claim(
      "EG-GRPO", f"the whole recipe raises recall@10, {kind}", "[OURS]", "",
      f"{kind}/recall@10", "eg_grpo", "before_alignment", _APART,
    )
    for kind in ("personalised", "next_basket")
  ),
  "genrec": tuple(
    Claim(
      "GenRec", f"the whole recipe raises recall@10, {kind}", "[OURS]", "",
      f"{kind}/recall@10", "genrec", "before_alignment", _APART,
    )
    for kind in ("personalised", "next_basket")
  ),
}  # fmt: skip
