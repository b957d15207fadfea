"""Pictures of an alignment: its reward beside the gold one, and its samples."""

from collections.abc import Mapping, Sequence

from matplotlib.ticker import MaxNLocator

from gr_jax.evaluation.report import svg
from gr_jax.evaluation.report.numbers import plain_number
from gr_jax.evaluation.report.page import Figure

GOLD, PROXY = "eval/reward", "eval/proxy"
# What shows that pictures degrade, and how a page calls it.
WATCHED = {
  "align/brightness": "brightness, mean |x|",
  "align/saturation": "saturation, share of |x| > 1",
  "align/diversity": "diversity within a caption",
}

Rows = Sequence[Mapping[str, float]]


def gold_and_proxy(rows: Rows, *, kept: int | None = None) -> list[Figure]:
  """Both rewards of validation against updates, as changes since the first.

  Their levels differ, as those of a score and of a judge do; what matters is
  whether they move together.

  Args:
    rows: the metrics of the alignment.
    kept: the update whose parameters are used, where a guard ended it.

  Returns:
    One figure; none where there is no proxy.
  """
  both = [row for row in rows if GOLD in row and PROXY in row]
  if not both:
    return []
  steps = [row["step"] for row in both]
  spoken = []
  with svg.drawing("gold_and_proxy"):
    figure, (panel,) = svg.panels(1, width=5.6, height=2.9)
    for name, label, color in (
      (GOLD, "judge (gold)", svg.SERIES[0]),
      (PROXY, "learned from (proxy)", svg.SERIES[1]),
    ):
      values = [row[name] for row in both]
      change = [value - values[0] for value in values]
      text = f"{label}, {values[0]:.3f} to {values[-1]:.3f}"
      panel.plot(
        steps, change, color=color, linewidth=1.8, marker="o", markersize=3,
        label=text,
      )  # fmt: skip
      spoken.append(text)
    if kept is not None:
      panel.axvline(kept, color=svg.MUTED, linewidth=1, linestyle="--")
      spoken.append(f"parameters of update {kept} are used")
    panel.axhline(0, color=svg.BASELINE, linewidth=1)
    panel.legend(fontsize=8, frameon=False)
    panel.set_xlabel("update", fontsize=9)
    panel.set_ylabel("change", fontsize=9)
    panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    svg.grid(panel, "y")
    label = f"Rewards of validation captions: {'; '.join(spoken)}"
    picture = svg.to_svg(figure, label=label)
  return [
    Figure(
      picture,
      "Rewards of validation captions, as changes since the model before "
      "alignment. Where the proxy rises and gold falls, alignment exploits "
      "what the proxy does not see.",
    )
  ]


def watched(rows: Rows) -> list[Figure]:
  """What `WATCHED` names of the pictures that were learned, against updates.

  Returns:
    One figure; none where there are no such metrics.
  """
  found = {
    title: [(row["step"], row[name]) for row in rows if name in row]
    for name, title in WATCHED.items()
  }
  found = {title: points for title, points in found.items() if points}
  if not found:
    return []
  spoken = []
  with svg.drawing("watched"):
    figure, axes = svg.panels(len(found), width=9, height=2.3, columns=3)
    for panel, (title, points) in zip(axes, found.items()):
      steps, values = zip(*points)
      panel.plot(
        steps, values, color=svg.SERIES[0], linewidth=1.8,
        marker="o" if len(steps) == 1 else None,
      )  # fmt: skip
      panel.set_title(title, fontsize=10)
      panel.set_xlabel("update", fontsize=9)
      # From 0: a drift of a hundredth is none.
      panel.set_ylim(0, 1.15 * max(*values, 1e-6))
      panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
      svg.grid(panel, "y")
      spoken.append(
        f"{title} from {plain_number(values[0], 3)} to "
        f"{plain_number(values[-1], 3)}"
      )
    picture = svg.to_svg(figure, label=f"Pictures: {'; '.join(spoken)}")
  return [
    Figure(
      picture,
      "The pictures that were learned, update by update: where one of these "
      "drifts while the reward rises, the reward is being exploited.",
    )
  ]
