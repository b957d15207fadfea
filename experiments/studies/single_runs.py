"""Claims that single runs decide, from the table that was kept of each.

A run has one seed and no paired differences: a system is above another where
their intervals do not overlap, so the ends of a difference are those of its two
figures furthest apart.
"""

import itertools
import pathlib
import re

from experiments.studies.claims import Bar, Claim, at_least, table, value
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
    for pair in itertools.product(found.items(), repeat=2):
      row = {"world": folder.name, "metric": metric, "seeds": 1, "n": n}
      rows.append(row | _compared(*pair))
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


def _compared(variant, other) -> dict:
  arm, (middle, low, high) = variant
  baseline, (base, base_low, base_high) = other
  return {
    "arm": arm, "baseline": baseline,
    "value": middle, "value_low": low, "value_high": high,
    "difference": round(middle - base, 3),
    "low": round(low - base_high, 3), "high": round(high - base_low, 3),
  }  # fmt: skip


def _line(text: str, name: str) -> str:
  found = re.search(rf"^- {name}: `?(.*?)`?$", text, re.MULTILINE)
  return found[1] if found else ""


_APART = Bar("intervals apart", lambda value, low, high: low > 0)
_ALONE = ("next_basket/recall@10", "amazon_beauty", "")
# The baselines of `configs/cq_sid.py` by kind of requests.
_BASELINES = {
  "personalised": ("query_counts", "nearest", "bm25", "popularity", "item_knn"),
  "semantic": ("query_counts", "nearest", "bm25", "popularity"),
  "next_basket": ("repeat", "item_knn", "popularity"),
}

# By folder of `experiments/results`.
CLAIMS = {
  "cq_sid": table("CQ-SID", "", [
    (f"{kind.replace('_', ' ')} requests: above {name}", "",
     f"{kind}/recall@10", "cq_sid", name, _APART)
    for kind, name in (
      *[(kind, name) for kind in _BASELINES for name in _BASELINES[kind]],
      # No baseline of the table reads what the model reads.
      ("personalised", "counts of query and history together"),
    )
  ]),
  "amazon_beauty": table("TIGER", "arXiv 2305.05065, table 1", [
    ("Beauty, leave one out: a single generator reaches TIGER",
     "recall@10 .0648", *_ALONE, at_least(0.0648), value),
    ("Beauty, leave one out: a single generator reaches 0.070", "",
     *_ALONE, at_least(0.07), value),
    ("Beauty, leave one out: a single generator reaches 0.080", "",
     *_ALONE, at_least(0.08), value),
    ("Beauty, leave one out: above counting what follows what", "",
     "next_basket/recall@10", "amazon_beauty", "item_knn", _APART),
  ]),
  # No table of these runs was kept.
  "scifact": table("BM25", "", [
    ("SciFact: nDCG@10 within 0.01 of the published 0.660", "",
     "semantic/graded_ndcg@10", "bm25", "",
     Bar("0.650 to 0.670", lambda x, low, high: abs(x - 0.66) <= 0.01), value),
  ]) + tuple(
    Claim(system, "SciFact: above BM25", "[OURS]", "",
          "semantic/graded_ndcg@10", system.lower(), "bm25", _APART)
    for system in ("DPR", "TIGER", "DSI", "NCI")
  ),
} | {
  folder: table(system, "", [
    (f"the whole recipe raises recall@10, {kind}", "", f"{kind}/recall@10",
     folder, "before_alignment", _APART)
    for kind in ("personalised", "next_basket")
  ])
  for folder, system in (("eg_grpo", "EG-GRPO"), ("genrec", "GenRec"))
}  # fmt: skip
