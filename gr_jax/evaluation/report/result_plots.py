"""Pictures of the results: one function a picture, each gives an SVG."""

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import svg


def color_of(system: str, systems: Sequence[str]) -> str:
  """Baselines share one quiet colour; every model has its own."""
  if system in tidy.BASELINES:
    return svg.FLOOR
  models = [name for name in systems if name not in tidy.BASELINES]
  return svg.SERIES[models.index(system) % len(svg.SERIES)]


def recall_by_system(rows: Sequence[dict]) -> str:
  """A dot and its interval for every system, a panel per kind of requests.

  Args:
    rows: one figure per system and kind of requests.
  """
  kinds, systems = _kinds(rows), _from_worst(rows)
  with svg.drawing("recall_by_system"):
    figure, axes = svg.panels(
      len(kinds), width=9, height=0.9 + 0.34 * len(systems), share_y=True
    )
    for panel, kind in zip(axes, kinds):
      for row in tidy.select(rows, requests=kind):
        place = systems.index(row["system"])
        color = color_of(row["system"], systems)
        panel.plot(
          [row["low"], row["high"]], [place] * 2, color=color, linewidth=2.4
        )
        panel.plot(row["value"], place, "o", color=color, markersize=7)
        panel.annotate(
          f"{row['value']:.3f}",
          (row["high"], place),
          xytext=(7, 0),
          textcoords="offset points",
          va="center",
          fontsize=9,
          color=svg.INK if color != svg.FLOOR else svg.MUTED,
        )
      _system_axis(panel, systems)
      panel.set_title(svg.plain(kind))
      top = max(row["high"] for row in tidy.select(rows, requests=kind))
      panel.set_xlim(0, 1.28 * top or 1)
    return svg.to_svg(figure, label=_spoken(rows))


def head_against_tail(rows: Sequence[dict]) -> str:
  """A full dot for head items, a hollow one for the tail, joined by a line.

  Args:
    rows: figures of the segments "head" and "tail".
  """
  kinds, systems = _kinds(rows), _from_worst(rows)
  with svg.drawing("head_against_tail"):
    figure, axes = svg.panels(
      len(kinds), width=9, height=1.1 + 0.34 * len(systems), share_y=True
    )
    for panel, kind in zip(axes, kinds):
      for place, system in enumerate(systems):
        ends = tidy.select(rows, requests=kind, system=system)
        color = color_of(system, systems)
        x = [row["value"] for row in ends]
        panel.plot(x, [place] * len(x), color=color, linewidth=2, alpha=0.45)
        for row in ends:
          hollow = row["segment"] == "tail"
          panel.plot(
            row["value"],
            place,
            "o",
            markersize=7,
            color=color,
            markerfacecolor=svg.PAPER if hollow else color,
            markeredgewidth=1.8,
          )
      _system_axis(panel, systems)
      panel.set_title(svg.plain(kind))
      top = max(row["value"] for row in tidy.select(rows, requests=kind))
      panel.set_xlim(0, 1.1 * top or 1)
    handles = [
      axes[0].plot([], [], "o", color=svg.MUTED, label="head")[0],
      axes[0].plot(
        [], [], "o", color=svg.MUTED, markerfacecolor=svg.PAPER, label="tail"
      )[0],
    ]
    figure.legend(
      handles=handles, loc="outside lower right", ncols=2, frameon=False
    )
    return svg.to_svg(figure, label="Head and tail. " + _spoken(rows))


def recall_by_beam(rows: Sequence[dict]) -> str:
  """Recall against beam width, a line and its interval per kind of requests."""
  kinds = _kinds(rows)
  lines = [
    sorted(tidy.select(rows, requests=kind), key=lambda row: row["beam"])
    for kind in kinds
  ]
  with svg.drawing("recall_by_beam"):
    figure, (panel,) = svg.panels(1, width=9, height=3)
    for color, line in zip(svg.SERIES, lines):
      beams, values, low, high = (
        [row[name] for row in line] for name in ("beam", "value", "low", "high")
      )
      panel.fill_between(beams, low, high, color=color, alpha=0.14, linewidth=0)
      panel.plot(beams, values, "o-", color=color, linewidth=2, markersize=5)
    top = max(row["high"] for row in rows)
    ends = [line[-1]["value"] for line in lines]
    heights = _apart(ends, gap=0.075 * top)
    for color, kind, line, height in zip(svg.SERIES, kinds, lines, heights):
      panel.annotate(
        svg.plain(kind),
        (line[-1]["beam"], height),
        annotation_clip=False,  # It may stand above the highest line.
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        color=color,
      )
    _beam_axis(panel, sorted({row["beam"] for row in rows}))
    panel.set_ylim(0, 1.05 * top or 1)
    return svg.to_svg(figure, label="By beam width. " + _spoken(rows))


def _apart(heights: Sequence[float], *, gap: float) -> np.ndarray:
  """The heights, raised where needed to stand `gap` apart, order kept."""
  heights = np.array(heights, np.float64)
  order = np.argsort(heights, kind="stable")
  for below, above in itertools.pairwise(order):
    heights[above] = max(heights[above], heights[below] + gap)
  return heights


def _beam_axis(panel: Axes, beams: Sequence[int]) -> None:
  panel.set_xscale("log")
  panel.set_xticks(beams, [f"{beam:,}" for beam in beams])
  panel.set_xticks([], minor=True)
  panel.set_xlabel("beam width")
  panel.margins(x=0.04)
  svg.grid(panel, "y")


def _kinds(rows: Sequence[dict]) -> list[str]:
  return list(dict.fromkeys(row["requests"] for row in rows))


def _from_worst(rows: Sequence[dict]) -> list[str]:
  """Systems by their best figure: the last one is drawn at the top."""
  best = {}
  for row in rows:
    best[row["system"]] = max(row["value"], best.get(row["system"], 0))
  return sorted(best, key=lambda system: best[system])


def _system_axis(panel: Axes, systems: Sequence[str]) -> None:
  panel.set_yticks(range(len(systems)), systems)
  panel.set_ylim(-0.6, len(systems) - 0.4)
  panel.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
  panel.spines["bottom"].set_visible(False)
  svg.grid(panel, "x")


def _spoken(rows: Sequence[dict]) -> str:
  """The figures in words, for who cannot see the picture."""
  return "; ".join(
    f"{svg.plain(kind)}: "
    + ", ".join(
      " ".join(
        [
          row.get("system", f"beam {row.get('beam')}"),
          *([row["segment"]] if row.get("segment", "all") != "all" else []),
          f"{row['value']:.3f}",
        ]
      )
      for row in tidy.select(rows, requests=kind)
    )
    for kind in _kinds(rows)
  )
