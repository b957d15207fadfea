"""The page of the GenRec study: pages, merged tokens, alignment."""

import functools
import itertools

from experiments.studies import plots, tables
from experiments.studies.genrec_paper import METHOD
from experiments.studies.record import Record, View
from gr_jax.evaluation.report import svg

HITS = ("hit_rate@1", "hit_rate@10", "hit_rate@50", "hallucination")
METRICS = (*HITS, "learned_reward", "true_reward")
AGAINST = "point_wise"
ALIGNMENTS = (
  *[
    (name, "page_wise")
    for name in ("grpo", "grpo_sr", "without_gate", "tight_gate")
  ],
  ("grpo_sr", "grpo"),
  ("without_gate", "grpo_sr"),
  ("tight_gate", "grpo_sr"),
)
# What is compared besides.
PAIRS = (("page_wise", "page_wise_tokens"), *ALIGNMENTS)
GENERATORS = (
  "point_wise", "point_wise_alone", "page_wise", "page_wise_clicks",
  "page_wise_tokens",
)  # fmt: skip


def method(record: Record) -> str:
  return METHOD.format(
    unconstrained_beam=record.config["evaluation"]["unconstrained_beam"],
    shut=record.config["align"]["gate"]["quantile"],
    **record.config["blind_spot"],
  )


def heading(view: View) -> str:
  levels = view.facts["ids"]["rq_kmeans"]["level_sizes"]
  return tables.world_heading(view, levels=levels)


def _table(view: View, chosen, metrics) -> str:
  labels = view.labels
  lines = [
    ([labels[a], "-" if a == b else labels[b]], a, b, "")
    for a, b in chosen
    if {a, b} <= labels.keys()
  ]
  head = ["arm", "against", *[name.replace("_", " ") for name in metrics]]
  return tables.difference_table(view, head, lines, metrics)


def pages_table(view: View) -> str:
  """(a): steps and tokens of every generator, and how pages compare."""
  columns = {"steps": "{steps:,.0f}", "tokens": "{tokens:,.0f}"}
  budget = tables.fact_table(view, "budget", columns)
  against = [(name, AGAINST) for name in GENERATORS]
  return f"(a) Pages\n\n{budget}\n\n{_table(view, against, HITS)}"


def merged_table(view: View) -> str:
  """(b): positions and seconds of a batch of prompts, and how hits compare."""
  columns = {
    "positions of a full prompt": "{positions:.0f}",
    "seconds a batch": "{seconds:.4f}",
  }
  read = tables.fact_table(view, "prefill", columns)
  hits = _table(view, [("page_wise", "page_wise_tokens")], HITS)
  return f"(b) Merged tokens\n\n{read}\n\n{hits}"


def alignment_table(view: View) -> str:
  """(c): hits and rewards of the alignments, where there are any."""
  if "judge" not in view.facts:
    return ""
  quality = view.facts["judge"]["preference"].items()
  quality = ", ".join(f"{name} {figure:.3f}" for name, figure in quality)
  return (
    "(c) Alignment of the page-wise generator\n\nThe preference model, before "
    f"its blind spot, on the validation period: {quality}.\n\n"
    + _table(view, ALIGNMENTS, METRICS)
  )


def figure(record: Record) -> plots.Picture:
  """Panels per world: pages, merging, alignment, in % of the baseline."""
  parts = {
    "pages against point-wise": [("page_wise", AGAINST)],
    "merged against not": [("page_wise", "page_wise_tokens")],
    "aligned against before": ALIGNMENTS[:4],
  }

  def lines(view: View, chosen) -> list:
    found = []
    for metric in METRICS:
      rows = filter(None, [view.find(metric, a, b) for a, b in chosen])
      marks = {view.labels[row["arm"]]: plots.percent(row) for row in rows}
      found += [(svg.plain(metric), marks)] if marks else []
    return found

  panels = []
  for view, title in itertools.product(record.views(), parts):
    if found := lines(view, parts[title]):
      draw = functools.partial(plots.intervals, lines=found)
      title = f"{view.title}\n{title}"
      panels.append(plots.Panel(title, draw, "% of the baseline"))
  return plots.Picture(panels, columns=min(3, len(panels)), height=3.2)


TABLES = (heading, pages_table, merged_table, alignment_table)
