"""Where each program stands against the ridge of its device's roofline.

A roofline has two parts, the memory's slope and the products' flat roof, which
meet at `peak / bandwidth` FLOPs a byte, the ridge. By its bound every program
lies on the roof, or below where the links are slowest: what there is to see is
on which side of the ridge it lies, how far, and what its bound is.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from gr_jax.evaluation.report import svg
from tools.ahead.data_sheets import SHEETS
from tools.ahead.rows import Row

_KINDS = ("train", "update", "rollout", "prefill", "decode", "search")
_COLORS = dict(zip(("compute", "memory", "link"), svg.SERIES))
_SAID = {"compute": "products", "memory": "memory", "link": "links"}
# The share of a row's height that its points take.
_ROOM = 0.6
Table = Mapping[str, Mapping[str, Mapping[str, Row]]]


class Point(NamedTuple):
  """FLOPs a byte of a program, and what bounds it."""

  intensity: float
  bound: str


def plot(table: Table) -> str:
  """FLOPs a byte of every program beside its device's ridge, as SVG.

  Targets of one kind of device share a panel.
  """
  points = _points(table)
  with svg.drawing("hardware"):
    figure, panels = svg.panels(
      len(points), width=9, height=2.7, columns=2, share_y=True
    )
    for axes, (device, by_kind) in zip(panels, points.items()):
      _draw(axes, device, by_kind)
    handles = [
      panels[0].plot([], [], "o", color=color, label=f"bound by {_SAID[name]}")
      for name, color in _COLORS.items()
    ]
    figure.legend(
      handles=[line for (line,) in handles],
      loc="outside upper right",
      ncols=3,
      frameon=False,
    )
    drawn = svg.to_svg(figure, label=label(table))
  return svg.standing_alone(drawn)


def _draw(axes: Axes, device: str, by_kind: Mapping[str, list[Point]]) -> None:
  ridge = SHEETS[device].ridge
  for place, kind in enumerate(_KINDS):
    found = by_kind.get(kind, [])
    # Equal programs lie beside each other, not one on the other.
    steps = np.arange(len(found)) - (len(found) - 1) / 2
    heights = place + _ROOM * steps / max(len(found), 1)
    for point, height in zip(found, heights):
      axes.plot(
        point.intensity,
        height,
        "o",
        color=_COLORS[point.bound],
        markersize=4.5,
        markeredgewidth=0,
      )
  axes.axvline(ridge, color=svg.BASELINE, linewidth=1.5)
  axes.set_xscale("log")
  axes.set_xlim(5, 2e4)
  axes.set_ylim(len(_KINDS) - 0.4, -0.6)
  axes.set_yticks(range(len(_KINDS)), _KINDS)
  axes.set_xticks([10, 100, 1000, 10_000], ["10", "100", "1,000", "10,000"])
  axes.set_xticks([], minor=True)
  axes.set_title(f"{device}: ridge at {ridge:.0f}")
  axes.set_xlabel("FLOPs a byte")
  svg.grid(axes, "x")


def _programs(table: Table) -> Iterator[tuple[str, str, Point]]:
  for by_kind in table.values():
    for kind, by_target in by_kind.items():
      for target, row in by_target.items():
        if kind in _KINDS and "intensity" in row:
          device = target.partition(":")[0].removesuffix("x8")
          yield device, kind, Point(row["intensity"], row["bound"])


def _points(table: Table) -> dict[str, dict[str, list[Point]]]:
  """Points by device and program, equal ones once."""
  found: dict[str, dict[str, set[Point]]] = {}
  for device, kind, point in _programs(table):
    found.setdefault(device, {}).setdefault(kind, set()).add(point)
  return {
    device: {kind: sorted(by_kind[kind]) for kind in _KINDS if kind in by_kind}
    for device, by_kind in found.items()
  }


def label(table: Table) -> str:
  """What is read aloud in place of the picture."""
  parts = []
  for device, by_kind in _points(table).items():
    medians = [
      f"{kind} {each[len(each) // 2].intensity:.3g}"
      for kind, each in by_kind.items()
    ]
    parts.append(f"{device}: {', '.join(medians)}")
  return f"Median FLOPs a byte. {'; '.join(parts)}."
