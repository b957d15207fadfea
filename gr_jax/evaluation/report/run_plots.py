"""Pictures of the run itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import MaxNLocator

from gr_jax.evaluation.report import svg
from gr_jax.evaluation.report.numbers import plain_number
from gr_jax.evaluation.report.page import Figure
from gr_jax.progress_bar import spoken_time

_WORTH_A_CURVE = ("loss", "per_second", "/reward", "/kl", "/hit_rate@10")
# What training does not learn is drawn beside what it does.
_LEARNED, _HELD_OUT = "train/loss", "valid/loss"


class _Curve(NamedTuple):
  """A figure against the step; `held_out` are the points of a second line."""

  name: str
  steps: Sequence[int]
  values: Sequence[float]
  held_out: Sequence[tuple[int, float]] = ()

  def ends(self) -> str:
    """The first and the last value, for those who do not see the picture."""
    text = f"{svg.plain(self.name)} {_from_to(self.values)}"
    if self.held_out:
      values = [value for _, value in self.held_out]
      text += (
        f", held out {_from_to(values)}, lowest {plain_number(min(values))}"
      )
    return text


def training_curves(history: Mapping[str, Sequence[dict]]) -> list[Figure]:
  """Losses and throughput against the step, if there are any.

  A loss of single steps is pale, with its mean over neighbours above it.
  """
  curves = [curve for curve in _curves(history) if len(curve.steps) > 1]
  if not curves:
    return []
  with svg.drawing("training_curves"):
    figure, axes = svg.panels(len(curves), width=9, height=2.3, columns=3)
    for panel, curve in zip(axes, curves):
      speed = curve.name.endswith("per_second")
      color = svg.SERIES[int(speed)]
      smooth = smoothed(curve.values)
      pale = {"alpha": 0.3, "linewidth": 1.2}
      _line(panel, curve.steps, curve.values, color, **pale)
      _line(panel, curve.steps, smooth, color, label="training")
      if curve.held_out:
        steps, values = zip(*curve.held_out)
        _line(panel, steps, values, svg.SERIES[2], label="held out")
        panel.legend(fontsize=8, frameon=False)
      panel.set_title(svg.plain(curve.name), fontsize=9)
      panel.set_xlabel("step", fontsize=9)
      panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
      if speed:
        panel.set_ylim(0, 1.15 * max(curve.values))
      panel.yaxis.set_major_formatter(lambda y, _: plain_number(y, 3))
      svg.grid(panel, "y")
    ends = "; ".join(curve.ends() for curve in curves)
    picture = svg.to_svg(figure, label=f"Training curves: {ends}")
  return [
    Figure(
      picture,
      "Every figure against the training step: what was logged (pale) and its "
      "mean over a tenth of the steps. Green is the loss on requests that are "
      "held out.",
    )
  ]


def smoothed(values: Sequence[float]) -> np.ndarray:
  """The mean of each value and its neighbours, a twentieth to either side.

  Near the ends there are as many on one side as on the other, so that a slope
  stays one.
  """
  sums = np.concatenate([[0.0], np.cumsum(np.asarray(values, np.float64))])
  places = np.arange(len(values))
  reach = np.minimum(len(values) // 20, np.minimum(places, places[::-1]))
  low, high = places - reach, places + reach + 1
  return (sums[high] - sums[low]) / (high - low)


def _line(panel, steps, values, color: str, **style) -> None:
  dot = "o" if len(steps) == 1 else None
  style = {"linewidth": 1.8, "marker": dot} | style
  panel.plot(steps, values, color=color, **style)


def _from_to(values: Sequence[float]) -> str:
  return f"from {plain_number(values[0])} to {plain_number(values[-1])}"


def codebook_use(rows: Sequence[dict], level_sizes: Sequence[int]) -> Figure:
  """Share of the codes in use at every level, and how evenly (perplexity).

  Args:
    rows: tokenizer quality, `{"metric", "level", "value"}`, levels from 1, with
      the metrics "codes_used" and "perplexity".
    level_sizes: the number of codes at each level.
  """
  figures = {(row["metric"], row["level"]): row["value"] for row in rows}
  levels = np.arange(1, len(level_sizes) + 1)
  used = np.array([figures["codes_used", l] for l in levels])
  even = np.array([figures["perplexity", l] for l in levels])
  counts = [f"{n:,.0f} of {size:,}" for n, size in zip(used, level_sizes)]
  with svg.drawing("codebook_use"):
    figure, (panel,) = svg.panels(1, width=4.6, height=2.9)
    bars = panel.bar(levels, used / level_sizes, width=0.5, color=svg.SOFT)
    panel.bar_label(bars, counts, padding=4, fontsize=9, color=svg.MUTED)
    ends = levels - 0.25, levels + 0.25
    panel.hlines(even / level_sizes, *ends, color=svg.SERIES[0], linewidth=3)
    panel.set_xticks(levels, [f"level {l}" for l in levels])
    panel.set_xlim(0.4, len(level_sizes) + 0.6)
    panel.set_ylim(0, 1.15)
    panel.set_yticks([0, 0.25, 0.5, 0.75, 1])
    panel.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
    svg.grid(panel, "y")
    spoken = "; ".join(
      f"level {l}: {count} codes in use, perplexity {perplexity:.0f}"
      for l, count, perplexity in zip(levels, counts, even)
    )
    return Figure(
      svg.to_svg(figure, label=spoken),
      "Share of the codes in use; the line across is the perplexity, the "
      "number of codes if all were equally frequent.",
    )


def items_per_id(counts: Sequence[int], *, most: int = 10) -> Figure:
  """How many IDs name one item, two, ...; the last bar is `most` and more."""
  counts = list(counts)
  bars = counts[: most - 1]
  if len(counts) >= most:
    bars.append(sum(counts[most - 1 :]))
  names = [str(n + 1) for n in range(len(bars))]
  if len(counts) > most:
    names[-1] += "+"
  largest = max([*bars, 1])
  with svg.drawing("items_per_id"):
    figure, (panel,) = svg.panels(1, width=4.6, height=2.9)
    drawn = panel.bar(names, bars, width=0.7, color=svg.SERIES[0])
    labels = [f"{count:,}" if count else "" for count in bars]
    panel.bar_label(drawn, labels, padding=3, fontsize=8, color=svg.MUTED)
    panel.set_yscale("symlog", linthresh=1)
    panel.set_ylim(0, 4 * largest)
    panel.set_yticks([0] + [10**p for p in range(len(str(largest)))])
    panel.set_yticks([], minor=True)
    panel.yaxis.set_major_formatter(lambda y, _: f"{y:,.0f}")
    panel.set_xlabel("items that share the ID")
    panel.set_ylabel("IDs")
    svg.grid(panel, "y")
    spoken = "; ".join(f"{n}: {count} IDs" for n, count in zip(names, bars))
    return Figure(
      svg.to_svg(figure, label=f"Items per ID. {spoken}"),
      "How many items share one semantic ID.",
    )


def stage_seconds(seconds: Mapping[str, float]) -> Figure:
  """A bar for every stage of the run."""
  stages, times = list(seconds)[::-1], list(seconds.values())[::-1]
  labels = [spoken_time(time) for time in times]
  with svg.drawing("stage_seconds"):
    figure, (panel,) = svg.panels(1, width=9, height=0.5 + 0.32 * len(stages))
    bars = panel.barh(stages, times, height=0.56, color=svg.SERIES[0])
    panel.bar_label(bars, labels, padding=5, fontsize=9, color=svg.MUTED)
    panel.set_xlim(0, 1.2 * max([*times, 1e-9]))
    panel.set_xticks([])
    panel.tick_params(length=0)
    panel.spines["bottom"].set_visible(False)
    spoken = "; ".join(f"{s} {t}" for s, t in zip(stages, labels))
    return Figure(
      svg.to_svg(figure, label=f"Time of every stage. {spoken}"),
      "Time that it took to make every stage.",
    )


def _curves(history: Mapping[str, Sequence[dict]]) -> Iterator[_Curve]:
  """Every figure that is worth a curve."""
  for training, rows in history.items():
    names = dict.fromkeys(name for row in rows for name in row)
    for name in names:
      if not name.endswith(_WORTH_A_CURVE):
        continue
      if name == _HELD_OUT and _LEARNED in names:
        continue
      second = _points(rows, _HELD_OUT) if name == _LEARNED else []
      steps, values = zip(*_points(rows, name))
      title = f"{training}: {name.removeprefix('train/')}"
      yield _Curve(title, steps, values, second)


def _points(rows: Sequence[dict], name: str) -> list[tuple[int, float]]:
  return [(row["step"], row[name]) for row in rows if name in row]
