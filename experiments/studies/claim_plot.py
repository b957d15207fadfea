"""A picture of the CQ-SID study: differences to the baseline by beam width."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from experiments.studies.arms import ARMS
from experiments.studies.beams import KINDS, LEVELS
from gr_jax.evaluation.report import svg
from gr_jax.evaluation.results import select


def picture(study: Mapping) -> str:
  """A row of panels per world; in each a line and its band per arm."""
  baseline, *arms = study["arms"]
  worlds = study["worlds"]
  columns = [(kind, level) for kind in KINDS for level in LEVELS]
  with svg.drawing("cq_sid_claim"):
    figure, axes = svg.panels(
      len(worlds) * len(columns), width=12, height=2.9, columns=len(columns)
    )
    places = [(name, *column) for name in worlds for column in columns]
    for panel, (name, kind, level) in zip(axes, places):
      rows = select(worlds[name]["hits"], requests=kind, level=level)
      _panel(panel, rows, arms)
      panel.set_title(
        f"{svg.plain(name)}\n{kind}, {'IDs' if level == 'id' else 'items'}"
      )
    for panel in axes[:: len(columns)]:
      panel.set_ylabel(f"points above {ARMS[baseline].label}")
    for panel in axes[-len(columns) :]:
      panel.set_xlabel("beam width")
    handles = [
      axes[0].plot([], [], color=color, linewidth=2, label=ARMS[arm].label)[0]
      for arm, color in zip(arms, svg.SERIES)
    ]
    figure.legend(
      handles=handles, loc="outside upper left", ncols=len(arms), frameon=False
    )
    drawn = svg.to_svg(figure, label=_spoken(study))
    return svg.standing_alone(drawn)


def _panel(panel: Axes, rows: list[dict], arms: list[str]) -> None:
  beams = sorted({row["beam"] for row in rows})
  for arm, color in zip(arms, svg.SERIES):
    line = sorted(select(rows, arm=arm), key=lambda row: row["beam"])
    middle, low, high = (
      [100 * row[name] for row in line]
      for name in ("difference", "low", "high")
    )
    panel.fill_between(beams, low, high, color=color, alpha=0.13, linewidth=0)
    panel.plot(beams, middle, "o-", color=color, linewidth=2, markersize=4)
  panel.axhline(0, color=svg.MUTED, linewidth=1.2)
  panel.set_xscale("log")
  panel.set_xticks(beams, [f"{beam:,}" for beam in beams])
  panel.set_xticks([], minor=True)
  svg.grid(panel, "y")


def _spoken(study: Mapping) -> str:
  """The differences at the widest beam, for who cannot see the picture."""
  widest = max(study["beams"])
  said = [
    f"{svg.plain(name)}, {row['requests']}, {row['level']}, "
    f"{ARMS[row['arm']].label} {100 * row['difference']:+.1f}"
    for name, world in study["worlds"].items()
    for row in select(world["hits"], beam=widest)
    if row["arm"] != study["arms"][0]
  ]
  return f"Points at beam {widest}: " + "; ".join(said)
