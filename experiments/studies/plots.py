"""Pictures of a study: panels of dots with their intervals, or of curves."""

import dataclasses
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.studies import comparisons
from experiments.studies.record import Record, View
from experiments.studies.tables import is_share
from gr_jax.evaluation.report import svg

# The width of a bold letter, a share of its size, as pages show it.
_LETTER = 0.6


@dataclasses.dataclass(frozen=True)
class Panel:
  """One panel: its title, what draws it, and the names of its axes."""

  title: str
  draw: Callable[[Axes], None]
  x: str = ""
  y: str = ""


class Mark(NamedTuple):
  """A difference, the ends of its interval, and whether it stands out."""

  low: float
  middle: float
  high: float
  stands_out: bool


@dataclasses.dataclass(frozen=True)
class Picture:
  """Panels in rows of `columns`, each `height` inches high.

  `legend` names the lines of all panels, in the order of `svg.SERIES`.
  """

  panels: Sequence[Panel]
  columns: int
  height: float
  legend: Sequence[str] = ()


def draw(record: Record, picture: Picture, spoken: Sequence[str]) -> str:
  """The picture as an SVG file that says the metrics `spoken` aloud."""
  with svg.drawing(record.study):
    titles = [panel.title for panel in picture.panels]
    titles = _broken(titles, *_figure(picture, titles))
    figure, _ = _figure(picture, titles)
    drawn = svg.to_svg(figure, label=say(record, spoken))
  return svg.standing_alone(drawn)


def _figure(
  picture: Picture, titles: Sequence[str]
) -> tuple[Figure, list[Axes]]:
  shape = {"height": picture.height, "columns": picture.columns}
  figure, axes = svg.panels(len(picture.panels), width=12, **shape)
  for place, (axis, panel) in enumerate(zip(axes, picture.panels)):
    panel.draw(axis)
    axis.set_title(titles[place])
    axis.set_xlabel(panel.x)
    axis.set_ylabel("" if place % picture.columns else panel.y)
  if picture.legend:
    handles = [
      axes[0].plot([], [], color=color, linewidth=2, label=label)[0]
      for label, color in zip(picture.legend, svg.SERIES)
    ]
    place = {"loc": "outside upper left", "ncols": len(handles)}
    figure.legend(handles=handles, frameon=False, **place)
  return figure, axes


def _broken(
  titles: Sequence[str], figure: Figure, axes: Sequence[Axes]
) -> list[str]:
  """The titles, in several lines where they are wider than their panels."""
  figure.draw_without_rendering()  # Lays the panels out.
  found = []
  for title, axis in zip(titles, axes):
    letter = _LETTER * axis.title.get_fontsize() * figure.dpi / 72
    letters = int(axis.get_window_extent().width / letter)
    lines = [textwrap.fill(line, letters) for line in title.split("\n")]
    found.append("\n".join(lines))
  return found


def spoken_metric(metric: str) -> str:
  return svg.plain(metric.replace("/", " "))


def say(record: Record, metrics: Sequence[str]) -> str:
  """The differences, for those who cannot see the picture."""
  labels = record.labels
  found = [
    f"{svg.plain(row['world'])}, {spoken_metric(row['metric'])}, "
    f"{labels[row['arm']]} {_points(row):+.1f} from "
    f"{labels[row['baseline']]}"
    for row in record.rows
    if row["metric"] in metrics and row["arm"] != row["baseline"]
  ]
  unit = " in points" if all(map(is_share, metrics)) else ""
  return f"Differences{unit}: " + "; ".join(found)


def _points(row: Mapping) -> float:
  return (100 if is_share(row["metric"]) else 1) * row["difference"]


def curves(
  axis: Axes,
  view: View,
  metrics: Mapping[float, str],
  arms: Sequence[str],
  baseline: str,
  *,
  names: Sequence[str] = ("difference", "low", "high"),
) -> None:
  """Draws a line with its band per variant over a logarithmic axis.

  Args:
    axis: Where they are drawn.
    view: The world.
    metrics: The metric of every place on the axis.
    arms: The variants.
    baseline: The baseline of all of them.
    names: The columns of a row that are its middle and its ends.
  """
  places = list(metrics)
  for arm, color in zip(arms, svg.SERIES):
    rows = [view.find(metric, arm, baseline) for metric in metrics.values()]
    middle, low, high = ([100 * row[name] for row in rows] for name in names)
    axis.fill_between(places, low, high, color=color, alpha=0.12, linewidth=0)
    axis.plot(
      places, middle, "o-", color=color, linewidth=2, markersize=4,
      label=view.labels[arm],
    )  # fmt: skip
  axis.set_xscale("log")
  axis.set_xticks([], minor=True)
  svg.grid(axis, "y")


def intervals(
  axis: Axes,
  lines: Sequence[tuple[str, Mapping[str, Mark]]],
) -> None:
  """Draws dots with bars, one line per label and one colour per series.

  Args:
    axis: Where they are drawn.
    lines: A label and a mark per series. Where there is but one series, what
      stands out among all comparisons has a colour.
  """
  series = list(dict.fromkeys(name for _, marks in lines for name in marks))
  for place, (_, marks) in enumerate(lines):
    for name, (low, middle, high, stands_out) in marks.items():
      k = series.index(name)
      at = place - 0.4 + 0.8 * (k + 0.5) / len(series)
      unsure = len(series) == 1 and not stands_out
      color = svg.MUTED if unsure else svg.SERIES[k]
      bar(axis, at, low, middle, high, color)
  axis.axvline(0, color=svg.MUTED, linewidth=1.2)
  lines_of(axis, [label for label, _ in lines])
  if len(series) > 1:
    legend(axis, series)


def bar(axis: Axes, at: float, low, middle, high, color: str) -> None:
  """A dot with its interval."""
  axis.plot([low, high], [at, at], color=color, linewidth=2)
  axis.plot([middle], [at], "o", color=color, markersize=5)


def lines_of(axis: Axes, labels: Sequence[str]) -> None:
  """A line per label, the first at the top."""
  axis.set_yticks(range(len(labels)), labels)
  axis.tick_params(axis="y", length=0, labelsize=8)
  axis.set_ylim(len(labels) - 0.4, -0.6)
  svg.grid(axis, "x")


def dots(
  axis: Axes,
  *,
  labels: Sequence[str],
  rows: Sequence[Sequence[float]],
  names: Sequence[str],
  scale: str,
) -> None:
  """Draws several dots per line; `names` are those of the colours."""
  axis.set_xscale(scale)
  for place, values in enumerate(rows):
    axis.plot(values, [place] * len(values), color=svg.GRID, linewidth=2)
    for figure, color in zip(values, svg.SERIES):
      axis.plot([figure], [place], "o", color=color, markersize=5)
  lines_of(axis, labels)
  legend(axis, names)


def legend(axis: Axes, names: Sequence[str]) -> None:
  for name, color in zip(names, svg.SERIES):
    axis.plot([], [], "o", color=color, markersize=5, label=name)
  axis.legend(frameon=False, fontsize=8)


def points(row: Mapping) -> Mark:
  """A difference in points."""
  middle, *ends = (100 * row[name] for name in ("difference", "low", "high"))
  return Mark(ends[0], middle, ends[1], comparisons.stands_out(row))


def percent(row: Mapping) -> Mark:
  """A difference in percent of the baseline."""
  base = row["value"] - row["difference"] or 1.0
  *figures, stands_out = points(row)
  return Mark(*[x / base for x in figures], stands_out)
