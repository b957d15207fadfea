"""The page of the GR4AD study: the ladder, LazyAR, lists, sizes, beams."""

import functools

from experiments.studies import plots, tables
from experiments.studies.gr4ad_paper import METHOD
from experiments.studies.record import Record, View

METRICS = ("revenue@10", "ndcg@5", "ndcg@10", "hit_rate@10", "head@10")
AGAINST = ("sft", "vsl", "lazy_6")
LADDER = (
  ("ua_sid", "sft"), ("vsl_codes", "ua_sid"), ("vsl", "ua_sid"),
  ("vsl", "sft"), ("vsl", "rq_vsl"),
)  # fmt: skip
LAZY = (
  ("lazy_3", "vsl"), ("lazy_6", "vsl"), ("lazy_8", "vsl"),
  ("lazy_6_codes", "vsl_codes"),
)  # fmt: skip
LISTS = (
  *[
    (name, "lazy_6")
    for name in (
      "best_worst_dpo", "s_dpo", "grpo", "lambda", "rspo", "unified",
    )
  ],
  ("rspo", "sft"), ("rspo", "grpo"), ("rspo", "best_worst_dpo"),
  ("rspo", "s_dpo"), ("unified", "rspo"), ("rspo_fast", "grpo_fast"),
  ("wrong_gated", "wrong_ungated"),
)  # fmt: skip
SIZES = (
  ("width_32", "lazy_6"), ("width_48", "lazy_6"), ("width_48", "width_32"),
  ("beam_16", "lazy_6"), ("beam_32", "lazy_6"), ("beam_128", "lazy_6"),
  ("progressive", "beam_128"),
)  # fmt: skip
_PARTS = {"(a) IDs and values": LADDER, "(b) LazyAR": LAZY}
_PARTS |= {"(c) Lists": LISTS, "(d) Widths and beams": SIZES}
PAIRS = tuple(
  pair for part in _PARTS.values() for pair in part if pair[1] not in AGAINST
)


def method(record: Record) -> str:
  align = record.config["align"]
  return METHOD.format(
    layers=record.config["generator"]["model"]["layers"],
    steps=align["loop"]["steps"],
    batch=align["prompts"]["batch_size"],
    group=align["group_size"],
  )


def heading(view: View) -> str:
  ids = view.facts["ids"]
  found = [f"{x['ids']:,.0f} IDs ({name})" for name, x in ids.items()]
  return tables.world_heading(view, *found)


def arms(view: View) -> str:
  """Every arm beside plain SFT, in its own figures."""
  first = next(name for name in AGAINST if name in view.measured)
  return tables.baseline_table(view, first, METRICS, METRICS, digits=2)


def parts(view: View) -> str:
  """The comparisons that belong together."""
  return "\n\n".join(
    f"{title}\n\n{found}"
    for title, pairs in _PARTS.items()
    if (found := _table(view, pairs))
  )


def _table(view: View, pairs) -> str:
  labels = view.labels
  lines = [
    ([labels[a], labels[b]], a, b, "")
    for a, b in pairs
    if {a, b} <= set(view.measured)
  ]
  if not lines:
    return ""
  head = ["arm", "against", *METRICS]
  return tables.difference_table(view, head, lines, METRICS, digits=2)


def value_table(view: View) -> str:
  """How right the predicted values are."""
  if "values" not in view.facts:
    return ""
  columns = {
    "ECE over 20 buckets": "{ece:.3f}",
    "of right predictions": "{chance:.3f}",
    "predicted over real": "{ratio:.3f}",
    "rank correlation": "{rank_correlation:.3f}",
  }
  return (
    "Values that are predicted for what was clicked in the test period, means "
    "over the seeds; *of right predictions* is the ECE that chance gives to so "
    "many of them:\n\n" + tables.fact_table(view, "values", columns)
  )


def figure(record: Record) -> plots.Picture:
  """A panel per world: revenue of every arm beside LazyAR's."""

  def lines(view: View) -> list:
    rows = [view.find("revenue@10", a, "lazy_6") for a in view.measured]
    return [
      (view.labels[row["arm"]], {"": plots.points(row)})
      for row in rows
      if row and row["arm"] != "lazy_6"
    ]

  panels = [
    plots.Panel(
      f"{view.title}, revenue of the first ten",
      functools.partial(plots.intervals, lines=lines(view)),
      f"above {record.labels['lazy_6']}",
    )
    for view in record.views()
  ]
  height = 1.1 + 0.27 * len(record.labels)
  return plots.Picture(panels, columns=len(panels), height=height)


TABLES = (heading, arms, parts, value_table)
