"""A picture of the GenRec study: relative differences to each baseline."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from experiments.studies.genrec_figures import HITS, INVALID, REWARDS
from experiments.studies.genrec_table import label
from gr_jax.evaluation.report import svg
from gr_jax.evaluation.results import select


def picture(study: Mapping) -> str:
  """A panel per world for pages and merging, and one per aligned world."""
  shown = [
    (name, title, pairs)
    for name, world in study["worlds"].items()
    for title, pairs in _parts(world)
    if pairs
  ]
  with svg.drawing("genrec_claim"):
    figure, axes = svg.panels(
      len(shown), width=12, height=3.2, columns=min(3, len(shown))
    )
    for panel, (name, title, pairs) in zip(axes, shown):
      _panel(panel, study["worlds"][name], pairs)
      panel.set_title(f"{svg.plain(name)}\n{title}")
    drawn = svg.to_svg(figure, label=_spoken(study, shown))
    return svg.standing_alone(drawn)


def _parts(world: Mapping) -> list[tuple[str, list[tuple[str, str]]]]:
  pages = [
    (a, "point_wise")
    for a in world["arms"]
    if a not in ("point_wise", "page_wise_tokens")
  ]
  merged = [("page_wise", a) for a in world["arms"] if a == "page_wise_tokens"]
  return [
    ("pages against point-wise", pages),
    ("merged against not", merged),
    ("aligned against before", [(p, "page_wise") for p in world["policies"]]),
  ]


def _panel(panel: Axes, world: Mapping, pairs: list[tuple[str, str]]) -> None:
  names = [*HITS, INVALID, *REWARDS]
  names = [n for n in names if _row(world, pairs[0], n)]
  height = 0.8 / len(pairs)
  for k, (pair, color) in enumerate(zip(pairs, svg.SERIES)):
    for place, name in enumerate(names):
      row = _row(world, pair, name)
      base = row["value"] - row["difference"] or 1.0
      ends = [100 * row[end] / base for end in ("low", "high")]
      at = place - 0.4 + (k + 0.5) * height
      panel.plot(ends, [at, at], color=color, linewidth=2)
      middle = 100 * row["difference"] / base
      told = label(pair[0]) if place == 0 and len(pairs) > 1 else None
      panel.plot([middle], [at], "o", color=color, markersize=5, label=told)
  panel.axvline(0, color=svg.MUTED, linewidth=1.2)
  panel.set_yticks(range(len(names)), [svg.plain(n) for n in names])
  panel.invert_yaxis()
  panel.set_xlabel("% of the baseline")
  svg.grid(panel, "x")
  if len(pairs) > 1:
    panel.legend(frameon=False, fontsize=8)


def _row(world: Mapping, pair: tuple[str, str], metric: str) -> Mapping | None:
  rows = select(world["rows"], arm=pair[0], baseline=pair[1], metric=metric)
  return rows[0] if rows else None


def _spoken(study: Mapping, shown: list) -> str:
  """The differences, for who cannot see the picture."""
  said = []
  for name, _, pairs in shown:
    for pair in pairs:
      for metric in ("hit_rate@10", INVALID):
        row = _row(study["worlds"][name], pair, metric)
        if row:
          said.append(
            f"{svg.plain(name)}, {label(pair[0])}, {svg.plain(metric)} "
            f"{100 * row['difference']:+.1f}"
          )
  return "Points above the baseline: " + "; ".join(said)
