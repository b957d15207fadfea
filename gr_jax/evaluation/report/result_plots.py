"""Pictures of how systems rank."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import page, svg, verdicts


def colors(rows: Sequence[dict]) -> dict[str, str]:
  """A colour for every system: quiet ones for all that is not a model."""
  roles = {row["system"]: row["role"] for row in rows}
  quiet = {tidy.BASELINE: svg.BASELINE, tidy.BEFORE: svg.SOFT}
  series = itertools.cycle(svg.SERIES)
  return {name: quiet.get(role) or next(series) for name, role in roles.items()}


def recall_by_system(rows: Sequence[dict]) -> page.Figure:
  """A dot and its interval for every system, a panel per kind of requests.

  Args:
    rows: one figure per system and kind of requests.
  """

  def draw(panel: Axes, place: int, color: str, found: list[dict]) -> None:
    for row in found:
      ends = [row["low"], row["high"]]
      panel.plot(ends, [place] * 2, color=color, linewidth=2.4)
      panel.plot(row["value"], place, "o", color=color, markersize=7)
      panel.annotate(
        f"{row['value']:.3f}",
        (row["high"], place),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=svg.MUTED if row["role"] == tidy.BASELINE else svg.INK,
      )

  with svg.drawing("recall_by_system"):
    figure, _ = _by_system(rows, draw, "high", spare=0.28)
    return page.Figure(
      svg.to_svg(figure, label=_spoken(rows)),
      f"Recall@10 of items{_seen(rows)}. Dots are means, bars 95 % intervals; "
      "baselines are grey. A system is absent where it does not apply.",
    )


def difference_by_system(rows: Sequence[dict]) -> page.Figure:
  """The paired difference of the model to every system, about a line at 0.

  Args:
    rows: one figure per system and kind of requests, those of the model left
      out.
  """
  color_of = {
    verdicts.AHEAD: svg.SERIES[2],
    verdicts.BEHIND: svg.SERIES[1],
    verdicts.LEVEL: svg.BASELINE,
  }

  def draw(panel: Axes, place: int, color: str, found: list[dict]) -> None:
    del color  # It says the verdict here, not the system.
    for row in found:
      tone = color_of[verdicts.verdict(row)]
      ends = [row["difference_low"], row["difference_high"]]
      panel.plot(ends, [place] * 2, color=tone, linewidth=2.4)
      panel.plot(row["difference"], place, "o", color=tone, markersize=7)

  spoken = "; ".join(
    f"{svg.plain(row['requests'])}, against {row['system']}: "
    f"{verdicts.verdict(row)}, {verdicts.difference(row)}"
    for row in rows
  )
  with svg.drawing("difference_by_system"):
    figure, axes = _by_system(rows, draw, "difference_high", spare=0.1)
    for panel, kind in zip(axes, tidy.kinds(rows)):
      own = tidy.select(rows, requests=kind)
      low = min(0, *[row["difference_low"] for row in own])
      high = max(0, *[row["difference_high"] for row in own])
      margin = 0.08 * (high - low) or 1
      panel.set_xlim(low - margin, high + margin)
      panel.axvline(0, color=svg.MUTED, linewidth=1)
    return page.Figure(
      svg.to_svg(figure, label=spoken),
      "Recall@10 of the model minus that of every other system, over the same "
      "requests, with the 95 % interval of the paired difference. Right of 0 "
      "(green) the model is ahead, left of it (brown) behind; where the bar "
      "crosses 0 (grey) the two cannot be told apart.",
    )


def head_against_tail(rows: Sequence[dict]) -> page.Figure:
  """A full dot for head items, a hollow one for the tail, joined by a line.

  Args:
    rows: figures of the segments "head" and "tail".
  """

  def draw(panel: Axes, place: int, color: str, found: list[dict]) -> None:
    x = [row["value"] for row in found]
    panel.plot(x, [place] * len(x), color=color, linewidth=2, alpha=0.45)
    for row in found:
      panel.plot(
        row["value"],
        place,
        "o",
        color=color,
        markersize=7,
        markerfacecolor=svg.PAPER if row["segment"] == "tail" else color,
        markeredgewidth=1.8,
      )

  with svg.drawing("head_against_tail"):
    figure, axes = _by_system(rows, draw, "value", spare=0.1)
    handles = [
      axes[0].plot(
        [], [], "o", color=svg.MUTED, markerfacecolor=face, label=name
      )[0]
      for name, face in (("head", svg.MUTED), ("tail", svg.PAPER))
    ]
    figure.legend(
      handles=handles, loc="outside lower right", ncols=2, frameon=False
    )
    return page.Figure(
      svg.to_svg(figure, label="Head and tail. " + _spoken(rows)),
      "Recall@10 where only popular items count (head: the fewest items that "
      "hold 80 % of the training interactions) and where only the others do "
      "(tail).",
    )


def recall_by_beam(rows: Sequence[dict]) -> page.Figure:
  """Recall against beam width, a line and its interval per kind of requests.

  Widths stand evenly: each costs more than the one before, by whatever factor.
  """
  places = {w: at for at, w in enumerate(sorted({r["beam"] for r in rows}))}
  lines = {
    kind: sorted(tidy.select(rows, requests=kind), key=lambda row: row["beam"])
    for kind in tidy.kinds(rows)
  }
  top = max(row["high"] for row in rows)
  ends = [line[-1]["value"] for line in lines.values()]
  heights = _apart(ends, gap=0.075 * top)
  with svg.drawing("recall_by_beam"):
    figure, (panel,) = svg.panels(1, width=9, height=3)
    for color, (kind, line), height in zip(svg.SERIES, lines.items(), heights):
      beams = [places[row["beam"]] for row in line]
      values, low, high = (
        [row[name] for row in line] for name in ("value", "low", "high")
      )
      panel.fill_between(beams, low, high, color=color, alpha=0.14, linewidth=0)
      panel.plot(beams, values, "o-", color=color, linewidth=2, markersize=5)
      panel.annotate(
        svg.plain(kind),
        (beams[-1], height),
        annotation_clip=False,  # It may stand above the highest line.
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        color=color,
      )
    panel.set_xticks(list(places.values()), [f"{beam:,}" for beam in places])
    panel.set_xlabel("beam width: IDs that are kept at every level")
    panel.margins(x=0.04)
    panel.set_ylim(0, 1.05 * top or 1)
    svg.grid(panel, "y")
    return page.Figure(
      svg.to_svg(figure, label="By beam width. " + _spoken(rows)),
      "Recall@10 against beam width, seen items kept; the band is the 95 % "
      "interval.",
    )


def _by_system(
  rows: Sequence[dict],
  draw: Callable[[Axes, int, str, list[dict]], None],
  extent: str,
  *,
  spare: float,
) -> tuple[Figure, list[Axes]]:
  """A panel per kind of requests, a line per system, the best at the top.

  Args:
    rows: figures by system and kind of requests.
    draw: draws those of one system at a height and in a colour.
    extent: the column that must fit in.
    spare: the share of the width that is left for text.
  """
  systems, color_of = tidy.from_best(rows)[::-1], colors(rows)
  kinds = tidy.kinds(rows)
  figure, axes = svg.panels(
    len(kinds), width=9, height=1 + 0.34 * len(systems), share_y=True
  )
  for panel, kind in zip(axes, kinds):
    own = tidy.select(rows, requests=kind)
    for place, system in enumerate(systems):
      draw(panel, place, color_of[system], tidy.select(own, system=system))
    panel.set_title(svg.plain(kind))
    wide = (1 + spare) * max(row[extent] for row in own) or 1
    panel.set_xlim(-0.03 * wide, wide)  # A dot at 0 is whole.
    panel.set_yticks(range(len(systems)), systems)
    panel.set_ylim(-0.6, len(systems) - 0.4)
    panel.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    svg.grid(panel, "x")
    panel.spines[["left", "bottom"]].set_visible(False)
  return figure, axes


def _seen(rows: Sequence[dict]) -> str:
  """How seen items are treated, where it is the same for all kinds."""
  found = {row["seen"] for row in rows}
  return f", seen items {found.pop()}" if len(found) == 1 else ""


def _apart(heights: Sequence[float], *, gap: float) -> np.ndarray:
  """The heights, raised where needed to stand `gap` apart, order kept."""
  raised = np.array(heights, np.float64)
  order = np.argsort(raised, kind="stable")
  for below, above in itertools.pairwise(order):
    raised[above] = max(raised[above], raised[below] + gap)
  return raised


def _spoken(rows: Sequence[dict]) -> str:
  """The figures in words, for readers who cannot see the picture."""

  def figure(row: dict) -> str:
    name = row.get("system", f"beam {row.get('beam')}")
    segment = row.get("segment", "all")
    part = "" if segment == "all" else f" {segment}"
    return f"{name}{part} {row['value']:.3f}"

  return "; ".join(
    f"{svg.plain(kind)}: "
    + ", ".join(map(figure, tidy.select(rows, requests=kind)))
    for kind in tidy.kinds(rows)
  )
