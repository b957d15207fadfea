"""A picture of the EG-GRPO study: every arm's distance to SFT."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from experiments.studies.alignment_arms import ARMS, BASELINE
from experiments.studies.alignment_hits import FIGURES
from gr_jax.evaluation.report import svg
from gr_jax.evaluation.results import select


def picture(study: Mapping) -> str:
  """A row of panels per world, one a figure; in each a dot and bar per arm."""
  arms = [arm for arm in study["arms"] if arm != BASELINE]
  worlds = study["worlds"]
  with svg.drawing("eg_grpo_claim"):
    figure, axes = svg.panels(
      len(worlds) * len(FIGURES),
      width=12,
      height=1.1 + 0.27 * len(arms),
      columns=len(FIGURES),
    )
    places = [(name, metric) for name in worlds for metric in FIGURES]
    for panel, (name, metric) in zip(axes, places):
      rows = select(worlds[name]["hits"], figure=metric, against=BASELINE)
      _panel(panel, rows, [a for a in arms if a in worlds[name]["arms"]])
      panel.set_title(f"{svg.plain(name)}, {metric}")
    for place, panel in enumerate(axes):
      if place % len(FIGURES):
        panel.set_yticklabels([])
    for panel in axes[-len(FIGURES) :]:
      panel.set_xlabel(f"points above {ARMS[BASELINE].label}")
    drawn = svg.to_svg(figure, label=_spoken(study))
    return svg.standing_alone(drawn)


def _panel(panel: Axes, rows: list[dict], arms: list[str]) -> None:
  places = range(len(arms))[::-1]
  for place, arm in zip(places, arms):
    (row,) = select(rows, arm=arm)
    low, middle, high = (
      100 * row[name] for name in ("low", "difference", "high")
    )
    sure = low > 0 or high < 0
    color = svg.SERIES[0] if sure else svg.MUTED
    panel.plot([low, high], [place, place], color=color, linewidth=2)
    panel.plot([middle], [place], "o", color=color, markersize=5)
  panel.set_ylim(-0.6, len(arms) - 0.4)
  panel.axvline(0, color=svg.MUTED, linewidth=1.2)
  panel.set_yticks(list(places), [ARMS[arm].label for arm in arms])
  panel.tick_params(axis="y", length=0)
  svg.grid(panel, "x")


def _spoken(study: Mapping) -> str:
  """The differences, for who cannot see the picture."""
  said = [
    f"{svg.plain(name)}, {row['figure']}, {ARMS[row['arm']].label} "
    f"{100 * row['difference']:+.1f}"
    for name, world in study["worlds"].items()
    for row in select(world["hits"], against=BASELINE)
    if row["arm"] != BASELINE
  ]
  return f"Points above {ARMS[BASELINE].label}: " + "; ".join(said)
