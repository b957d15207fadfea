"""Pictures of predicted values, and of how much they count in a search."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from gr_jax.evaluation.report import svg
from gr_jax.evaluation.report.numbers import plain_number
from gr_jax.evaluation.report.page import Figure


def reliability(rows: Sequence[Mapping[str, float]]) -> Figure:
  """What was paid against what was predicted, a dot and its interval a bucket.

  Args:
    rows: those that `value_calibration.reliability` gives.
  """
  numbers = [x for r in rows for x in (r["predicted"], r["value"], r["low"])]
  with svg.drawing("reliability"):
    figure, (panel,) = svg.panels(1, width=4.6, height=3.2)
    ends = [min(numbers), max(numbers)]
    panel.plot(ends, ends, color=svg.MUTED, linewidth=1, linestyle="--")
    for row in rows:
      x = row["predicted"]
      panel.plot(
        [x, x], [row["low"], row["high"]], color=svg.SERIES[0], linewidth=2
      )
      panel.plot(x, row["value"], "o", color=svg.SERIES[0], markersize=5)
    # The values of a bucket may reach far above all that is predicted.
    predicted = [row["predicted"] for row in rows]
    if min(numbers) > 0:
      # Prices spread over decades, most of them low.
      _logarithmic(panel, min(predicted) / 1.05, max(predicted) * 1.05)
    else:
      panel.set_xlim(min(predicted), 1.05 * max(predicted) or 1)
    panel.set_xlabel("predicted value")
    panel.set_ylabel("value in the log")
    svg.grid(panel, "y")
    spoken = "; ".join(
      f"{plain_number(row['predicted'], 3)} predicted, "
      f"{plain_number(row['value'], 3)} paid"
      for row in rows
    )
    return Figure(
      svg.to_svg(figure, label=f"Predicted and paid values. {spoken}"),
      f"Mean values of what was taken, in {len(rows)} buckets of equally many "
      "predictions, with 95 % intervals. On the dashed line predictions are "
      "right on average.",
    )


def _logarithmic(panel: Axes, low: float, high: float) -> None:
  """Both axes, with numbers also where they hold no power of ten."""
  panel.set_xscale("log")
  panel.set_yscale("log")
  panel.set_xlim(low, high)
  for axis, limits in (
    (panel.xaxis, panel.get_xlim()),
    (panel.yaxis, panel.get_ylim()),
  ):
    ticks = np.geomspace(*limits, 6)[1:-1]
    axis.set_ticks(ticks, [plain_number(tick, 2) for tick in ticks])
    axis.set_ticks([], minor=True)


def value_by_weight(
  tried: Sequence[Mapping[str, float]], chosen: float
) -> Figure:
  """The value of the first ten on validation, by how much values count.

  Args:
    tried: rows of `value_rerank.best_rerank`.
    chosen: the weight that is used.
  """
  weights = [row["rerank"] for row in tried]
  values = [row["value"] for row in tried]
  with svg.drawing("value_by_weight"):
    figure, (panel,) = svg.panels(1, width=4.6, height=3.2)
    panel.plot(weights, values, "o-", color=svg.SERIES[0], linewidth=1.8)
    for row in tried:
      ends = [row["value"] - row["error"], row["value"] + row["error"]]
      panel.plot([row["rerank"]] * 2, ends, color=svg.SERIES[0], linewidth=1.8)
      if row["rerank"] == chosen:
        panel.plot(
          chosen, row["value"], "o", color=svg.SERIES[1], markersize=10
        )
    panel.set_xticks(weights)
    panel.set_xlabel("gamma, how much values count in a search")
    panel.set_ylabel("value@10, validation")
    panel.margins(y=0.25)
    svg.grid(panel, "y")
    spoken = "; ".join(
      f"{w:g}: {plain_number(v)}" for w, v in zip(weights, values)
    )
    return Figure(
      svg.to_svg(figure, label=f"Value by weight. {spoken}"),
      "Answers are in the order of log P + gamma log v. Bars are standard "
      "errors of the difference to the best gamma; the smallest gamma that "
      "loses no more than one is used (large dot).",
    )
