"""The figures that the SA2CRQ paper prints, to stand beside ours.

Towards Efficient and Generalizable Retrieval: Adaptive Semantic Quantization
and Residual Knowledge Transfer (Wang et al., JD.com): 18M queries, 5M items, a
generator of 1.7B parameters.
"""

from experiments.studies.claim_table import markdown
from experiments.studies.sa2crq_measure import ALL, INVALID, ITEMS

COLUMNS = ("hallucination", "recall@500", "recall@1000", "recall@2000", "items")

# Table 1, by arm and segment; its taus 5e-7, 1e-6 and 2e-6 of 5M items are 2.5,
# 5 and 10 average items (our reading). None: not measured.
TABLE_1 = {
  ("BM25", "all"): (None, 0.4712, 0.5471, 0.6271, 2000),
  ("DPR", "all"): (None, 0.5721, 0.6753, 0.7675, 2000),
  ("RQ-Kmeans", "all"): (0.2592, 0.5938, 0.6065, 0.6105, 401),
  ("RQ-Kmeans", "head"): (0.2568, 0.7260, 0.7449, 0.7518, 459),
  ("RQ-Kmeans", "tail"): (0.2624, 0.4172, 0.4209, 0.4213, 348),
  ("TIGER", "all"): (0.2514, 0.6212, 0.6390, 0.6448, 509),
  ("TIGER", "head"): (0.2520, 0.7440, 0.7686, 0.7772, 572),
  ("TIGER", "tail"): (0.2497, 0.4210, 0.4283, 0.4288, 348),
  ("ACRQ", "all"): (0.2225, 0.6302, 0.6583, 0.6662, 612),
  ("SARQ, 2.5 items", "all"): (0.1797, 0.6137, 0.6333, 0.6388, 555),
  ("SARQ, 5 items", "all"): (0.1739, 0.6183, 0.6394, 0.6453, 579),
  ("SARQ, 10 items", "all"): (0.1556, 0.6451, 0.6732, 0.6798, 661),
  ("SA2CRQ, 2.5 items", "all"): (0.1734, 0.6260, 0.6665, 0.6798, 810),
  ("SA2CRQ, 5 items", "all"): (0.1519, 0.6245, 0.6713, 0.6858, 877),
  ("SA2CRQ, 10 items", "all"): (0.1808, 0.6547, 0.7061, 0.7231, 914),
  ("SA2CRQ, 10 items", "head"): (0.1790, 0.7085, 0.7628, 0.7820, 940),
  ("SA2CRQ, 10 items", "tail"): (0.1890, 0.4107, 0.4484, 0.4555, 795),
}

# Table 2: millions of IDs, items per ID at four quantiles, their mean.
TABLE_2 = {
  "[4096, 4096, 4096]": (2.897, 2.0, 3.0, 10.0, 32.0, 1.6597),
  "[1024, 2048, 4096]": (2.917, 2.0, 3.0, 10.0, 29.0, 1.6481),
  "[512, 512, 4096]": (2.806, 2.0, 3.0, 11.0, 29.0, 1.7130),
  "[2048, 2048, 4096]": (2.976, 2.0, 3.0, 10.0, 28.0, 1.6153),
}

# Arms of the study that stand for a line of table 1.
SAME = {
  "bm25": "BM25",
  "dpr": "DPR",
  "rq_kmeans": "RQ-Kmeans",
  "tiger": "TIGER",
  "acrq": "ACRQ",
  "sarq_5": "SARQ, 5 items",
  "sarq_10": "SARQ, 10 items",
  "sa2crq_5": "SA2CRQ, 5 items",
  "sa2crq_10": "SA2CRQ, 10 items",
}

_SHORT = {
  ITEMS: "items", ALL: "R@all", INVALID[0]: "Hallu@10", INVALID[1]: "Hallu",
}  # fmt: skip


def short(metric: str) -> str:
  """The heading of a column."""
  if metric in _SHORT:
    return _SHORT[metric]
  return metric.replace("recall@", "R@").replace("mrr@", "M@")


def printed_table_1() -> str:
  """The paper's table 1 as it stands there."""
  lines = []
  for (name, segment), values in TABLE_1.items():
    cells = [
      "-" if value is None else f"{value:.0f}" if m == ITEMS else f"{value:.4f}"
      for m, value in zip(COLUMNS, values)
    ]
    lines.append([name if segment == "all" else f"({segment})", *cells])
  return markdown(["method", *map(short, COLUMNS)], lines)


def printed_table_2() -> str:
  """The paper's table 2 as it stands there."""
  head = ["codebooks of the head", "#SID", "80 %", "90 %", "99 %", "99.9 %"]
  lines = [
    [name, *[f"{value:g}" for value in values]]
    for name, values in TABLE_2.items()
  ]
  return markdown([*head, "mean"], lines)
