"""The page of the SA2CRQ study: the paper's tables with rows of our own."""

import functools
from collections.abc import Sequence

from matplotlib.axes import Axes

from experiments.studies import plots, retrieval_figures, tables
from experiments.studies.record import Record, View
from experiments.studies.retrieval_figures import CUTOFFS, INVALID, MRRS
from experiments.studies.sa2crq_paper import (
  COLUMNS,
  METHOD,
  NOTES,
  SAME,
  TABLE_1,
  TABLE_2,
)
from gr_jax.evaluation.report import svg
from gr_jax.evaluation.report.text_table import markdown

BASELINE, RANKERS = "tiger", ("bm25", "dpr")
FAIR = ("recall@10", "recall@50", "recall@100", "recall@200", *MRRS)
WIDE = ("recall@all", "recall@500", "items", *INVALID)
# Whose recall is drawn; as many as there are colours.
DRAWN = ("tiger", "tiger_wide", "rq_vae_2", "sarq_10", "sa2crq_10")
_SHORT = {"hallucination": "Hallu", "recall": "R", "mrr": "M"}


def method(record: Record) -> str:
  return METHOD.format(beam=record.config["evaluation"]["beam"])


def short(metric: str) -> str:
  """The heading of a column."""
  name, at, k = metric.partition("@")
  return f"{_SHORT.get(name, name)}{at}{k}"


def heading(view: View) -> str:
  blocks = [tables.world_heading(view), NOTES.get(view.world)]
  return "\n\n".join(filter(None, blocks))


def table_1(view: View) -> str:
  """The columns of the paper's table 1, from an unconstrained beam.

  BM25 and DPR rank items; they have one reading.
  """
  head, blocks = ["method", *map(short, COLUMNS)], ["### Table 1"]
  # Whose head and tail stand apart there.
  last = [name for name in view.measured if name.startswith("sa2crq")][-1:]
  apart = ("rq_kmeans", BASELINE, *last)
  for kind in view.facts["requests"]:
    lines = []
    for arm in view.measured:
      decoding = "catalogue" if arm in RANKERS else "unconstrained"
      for segment in ("all", "head", "tail") if arm in apart else ("all",):
        key = f"{kind}/{decoding}/{segment}"
        rows = [view.find(f"{key}/{m}", arm, BASELINE) for m in COLUMNS]
        label = view.labels[arm] if segment == "all" else f"({segment})"
        lines.append([label, *_printed([r and r["value"] for r in rows])])
    title = f"{kind.capitalize()} requests, an unconstrained beam:"
    blocks += [title, markdown([head, *lines])]
  paper = [
    [name if part == "all" else f"({part})", *_printed(values)]
    for (name, part), values in TABLE_1.items()
  ]
  title = "The paper's own (its data, its sizes):"
  return "\n\n".join([*blocks, title, markdown([head, *paper])])


def _printed(values: Sequence[float | None]) -> list[str]:
  return [
    "-" if x is None else f"{x:.0f}" if m == "items" else f"{x:.4f}"
    for m, x in zip(COLUMNS, values)
  ]


def differences(view: View) -> str:
  """Each variant against TIGER, per kind of requests."""
  blocks = [
    "### Differences",
    "To TIGER, inside the catalogue; Hallu of the unconstrained beam.",
  ]
  for kind in view.facts["requests"]:
    for title, metrics in (
      ("equally many items", FAIR),
      ("all items of equally many IDs", WIDE),
    ):
      columns = [
        f"{kind}/{'unconstrained' if m in INVALID else 'catalogue'}/all/{m}"
        for m in metrics
      ]
      heads = map(short, metrics)
      table = tables.baseline_table(view, BASELINE, columns, heads)
      blocks += [f"{kind.capitalize()} requests, {title}:", table]
    title = f"{kind.capitalize()} requests, head, tail and new apart:"
    blocks += [title, segment_table(view, kind)]
  return "\n\n".join(blocks)


def segment_table(view: View, kind: str) -> str:
  """Head, tail and what nobody had bought, with their numbers of requests."""
  columns, heads = [], []
  for segment in ("head", "tail", "new"):
    for metric in ("recall@100", "recall@all"):
      columns.append(f"{kind}/catalogue/{segment}/{metric}")
      row = view.find(columns[-1], BASELINE)
      heads.append(f"{segment} ({row['n'] if row else 0:,}) {short(metric)}")
  return tables.baseline_table(view, BASELINE, columns, heads)


def table_2(view: View) -> str:
  """The paper's table 2 for all variants, and how long the IDs are."""
  shares = ["80 %", "90 %", "99 %", "99.9 %"]
  columns = {
    "#SID": "{ids:,.0f}",
    **{h: f"{{quantiles[{k}]:.1f}}" for k, h in enumerate(shares)},
    "mean": "{items_per_id:.3f}",
    "codes, head": "{length_head:.2f}",
    "codes, tail": "{length_tail:.2f}",
  }
  # Splits first, as there.
  names = sorted(view.facts["variants"], key=view.measured.__contains__)
  first = "codebooks of the head, or arm"
  paper = [[name, *[f"{x:g}" for x in row]] for name, row in TABLE_2.items()]
  ours = tables.fact_table(view, "ids", columns, names, first)
  head = ["codebooks of the head", "#SID", *shares, "mean"]
  return (
    f"### Table 2\n\n{ours}\n\nThe paper's own, in millions of IDs:\n\n"
    + markdown([head, *paper])
  )


def figure(record: Record) -> plots.Picture:
  """Figures 4 to 8 of the paper from our runs."""
  view = record.views()[0]
  kinds, facts = list(view.facts["requests"]), view.facts["ids"]
  names = [name for name in view.measured if name in facts]
  labels = [view.labels[name] for name in names]
  beam = view.config["evaluation"]["beam"]
  panels, below = [], f"items, of {beam} IDs where not said otherwise"
  for kind in kinds:
    draw = functools.partial(_recall, view, kind)
    panels.append(plots.Panel(f"recall in %, {svg.plain(kind)}", draw, below))
  for title, metric, times in (
    ("items that a beam names", "items", 1),
    ("% of an unconstrained beam names nothing", "hallucination", 100),
  ):
    key = f"{kinds[0]}/unconstrained/all/{metric}"
    draw = functools.partial(_values, view, key, names, times)
    hollow = "hollow: the paper's, its data and sizes"
    panels.append(plots.Panel(title, draw, hollow))
  lengths = [[facts[n]["length_head"], facts[n]["length_tail"]] for n in names]
  quantiles = [facts[name]["quantiles"] for name in names]
  shares = [f"{100 * share:g} %" for share in retrieval_figures.QUANTILES]
  for title, values, series, scale in (
    ("codes of an item", lengths, ("head", "tail"), "linear"),
    ("items of an ID, quantiles", quantiles, shares, "log"),
  ):
    draw = functools.partial(
      plots.dots, labels=labels, rows=values, names=series, scale=scale
    )
    panels.append(plots.Panel(title, draw))
  return plots.Picture(panels, columns=3, height=4.2)


def _recall(view: View, kind: str, axis: Axes) -> None:
  """Recall against the number of items."""
  metrics = {k: f"{kind}/catalogue/all/recall@{k}" for k in CUTOFFS}
  arms = [arm for arm in DRAWN if arm in view.measured]
  names = ("value", "value_low", "value_high")
  plots.curves(axis, view, metrics, arms, BASELINE, names=names)
  beam = view.config["evaluation"]["beam"]
  axis.axvline(beam, color=svg.MUTED, linewidth=1, linestyle=":")
  axis.set_xticks([10, 100, 1000], ["10", "100", "1,000"])
  axis.legend(frameon=False, fontsize=8)


def _values(
  view: View, key: str, names: Sequence[str], times: float, axis: Axes
) -> None:
  """A figure with its interval, and in a hollow mark the paper's."""
  column, color = COLUMNS.index(key.rpartition("/")[2]), svg.SERIES[0]
  for place, arm in enumerate(names):
    row = view.find(key, arm, BASELINE)
    low, middle, high = (
      times * row[name] for name in ("value_low", "value", "value_high")
    )
    plots.bar(axis, place, low, middle, high, color)
    printed = TABLE_1.get((SAME.get(arm, view.labels[arm]), "all"))
    if printed is not None:
      axis.plot(
        [times * printed[column]], [place], "D", markersize=5,
        markerfacecolor="none", markeredgecolor=svg.MUTED,
      )  # fmt: skip
  plots.lines_of(axis, [view.labels[name] for name in names])


TABLES = (heading, table_1, differences, table_2)
