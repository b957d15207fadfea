"""Loads as a table and as a picture."""

import statistics
from collections.abc import Sequence

from tools.load.offered import Load, percentile

_HEAD = ["offered/s", "goodput/s", "p50 ms", "p95 ms", "p99 ms", "429", "lost"]


def text_table(loads: Sequence[Load]) -> str:
  """The figures of every rate as a Markdown table."""
  # Imported late, as matplotlib below: --help should not take a second.
  from gr_jax.evaluation.report.text_table import markdown

  rows = [
    [
      f"{load.rate:g}",
      f"{load.goodput:.1f}",
      *(f"{percentile(load.sent, q):.0f}" for q in (50, 95, 99)),
      f"{load.share(429):.1%}",
      f"{1 - load.share(200) - load.share(429):.1%}",
    ]
    for load in loads
  ]
  return markdown([_HEAD, *rows])


def change_lines(loads: Sequence[Load]) -> list[str]:
  """A line a rate on the latency while the catalogue changed."""
  lines = []
  for load in loads:
    if not load.changes:
      continue
    meanwhile = load.during_changes()
    half = [s for s in load.sent if s.moment < load.seconds / 2]
    before, during = percentile(half, 99), percentile(meanwhile, 99)
    took = statistics.median_high(end - begin for begin, end in load.changes)
    lines.append(
      f"{load.rate:g}/s: {len(load.changes)} changes of {1e3 * took:.0f} ms "
      f"(median); p99 before them {before:.0f} ms, of {len(meanwhile)} "
      f"requests during them {during:.0f} ms ({during / before:.2f}x)"
    )
  return lines


def plot(loads: Sequence[Load]) -> str:
  """Draws goodput and latency against the offered rate, as SVG."""
  from gr_jax.evaluation.report import svg

  rates = [load.rate for load in loads]
  with svg.drawing("load"):
    figure, (good, late) = svg.panels(2, width=8, height=3)
    good.plot(rates, rates, color=svg.BASELINE, linestyle="--")
    good.plot(
      rates, [load.goodput for load in loads], color=svg.SERIES[0], marker="o"
    )
    good.set_title(f"Answers within {1e3 * loads[0].within:g} ms, a second")
    for color, q in zip(svg.SERIES, (50, 95, 99)):
      late.plot(
        rates,
        [percentile(load.sent, q) for load in loads],
        color=color,
        marker="o",
        label=f"p{q}",
      )
    late.set_yscale("log")
    late.set_title("Latency, ms")
    late.legend(frameon=False)
    for axes in (good, late):
      axes.set_xlabel("requests offered a second")
      svg.grid(axes, "y")
    drawn = svg.to_svg(figure, label="Goodput and latency against load.")
  return svg.standing_alone(drawn)
