"""Pictures of a device check, in the style of all pages of this project."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from gr_jax.evaluation.report import svg
from tools.device.bars import Rows
from tools.device.figure import OURS

_SIDES = (OURS, "torch")


def draw(rows: Rows, kind: str) -> str:
  """Training, search and tokenizers side by side, as an SVG file."""
  panels = (
    ("Training, tokens/s", "training", "tokens_per_s"),
    ("Search, requests/s", "search", "requests_per_s"),
    ("Search, p99 in ms", "search", "p99_ms"),
    ("Tokenizers, ms", "tokenizers", "median_ms"),
  )
  with svg.drawing("check_device"):
    figure, axes = svg.panels(len(panels), width=12, height=3.2, columns=2)
    for axis, (title, check, metric) in zip(axes, panels):
      axis.set_title(title)
      _dots(axis, rows, check, metric)
    handles = [
      axes[0].plot([], [], "o", color=color, label=side)[0]
      for side, color in zip(_SIDES, svg.SERIES)
    ]
    figure.legend(
      handles=handles, frameon=False, loc="outside upper left", ncols=2
    )
    label = f"{kind}. " + "; ".join(
      _spoken(rows, check, metric, title) for title, check, metric in panels
    )
    return svg.standing_alone(svg.to_svg(figure, label=label))


def _found(rows: Rows, check: str, metric: str) -> list[tuple[str, str, float]]:
  return [
    (row["what"], row["side"], row["value"])
    for row in rows
    if row["check"].endswith(check) and row.get("metric") == metric
  ]


def _dots(axis: Axes, rows: Rows, check: str, metric: str) -> None:
  found = _found(rows, check, metric)
  labels: Sequence[str] = list(dict.fromkeys(what for what, _, _ in found))
  for what, side, value in found:
    color = svg.SERIES[_SIDES.index(side)]
    axis.plot([value], [labels.index(what)], "o", color=color, markersize=5)
  axis.set_yticks(range(len(labels)), labels)
  axis.set_ylim(len(labels) - 0.4, -0.6)
  axis.set_xscale("log")
  svg.grid(axis, "x")


def _spoken(rows: Rows, check: str, metric: str, title: str) -> str:
  said = ", ".join(
    f"{what} {side} {value:.3g}"
    for what, side, value in _found(rows, check, metric)
  )
  return f"{title}: {said or 'not measured'}"
