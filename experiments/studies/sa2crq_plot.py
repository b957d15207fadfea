"""A picture of the SA2CRQ study: figures 4 to 8 of its paper from our runs.

Hollow marks are the figures that the paper prints, of its data and sizes.
"""

from collections.abc import Mapping

from matplotlib.axes import Axes

from experiments.studies import sa2crq_paper
from experiments.studies.sa2crq_ids import QUANTILES
from experiments.studies.sa2crq_measure import CUTOFFS, ITEMS
from experiments.studies.sa2crq_table import find
from gr_jax.evaluation.report import svg

# Whose recall is drawn; as many as there are colours.
DRAWN = ("tiger", "tiger_wide", "rq_vae_2", "sarq_10", "sa2crq_10")


def picture(study: Mapping) -> str:
  """Recall against items, then what each arm's IDs are like."""
  kinds = list(study["requests"])
  with svg.drawing("sa2crq_claim"):
    figure, axes = svg.panels(len(kinds) + 4, width=12, height=4.2, columns=3)
    for panel, kind in zip(axes, kinds):
      _recall(panel, study, kind)
    panels = axes[len(kinds) :]
    _values(panels[0], study, kinds[0], ITEMS, 1)
    panels[0].set_title("items that a beam names")
    _values(panels[1], study, kinds[0], "hallucination", 100)
    panels[1].set_title("% of a free beam names nothing")
    _lengths(panels[2], study)
    _quantiles(panels[3], study)
    drawn = svg.to_svg(figure, label=_spoken(study, kinds))
    return svg.standing_alone(drawn)


def _recall(panel: Axes, study: Mapping, kind: str) -> None:
  arms = [arm for arm in DRAWN if arm in study["arms"]]
  for arm, color in zip(arms, svg.SERIES):
    rows = [
      find(study, arm, kind, "all", f"recall@{k}", "catalogue") for k in CUTOFFS
    ]
    middle, low, high = (
      [100 * row[name] for row in rows] for name in ("value", "low", "high")
    )
    panel.fill_between(CUTOFFS, low, high, color=color, alpha=0.1, linewidth=0)
    panel.plot(
      CUTOFFS, middle, "o-", color=color, linewidth=2, markersize=3,
      label=study["labels"][arm],
    )  # fmt: skip
  panel.axvline(study["beam"], color=svg.MUTED, linewidth=1, linestyle=":")
  panel.set_xscale("log")
  panel.set_xticks([10, 100, 1000], ["10", "100", "1,000"])
  panel.set_xticks([], minor=True)
  panel.set_xlabel(f"items, of {study['beam']} IDs where not said otherwise")
  panel.set_title(f"recall in %, {svg.plain(kind)}")
  panel.legend(frameon=False, fontsize=8)
  svg.grid(panel, "y")


def _generators(study: Mapping) -> list[str]:
  return [arm for arm in study["arms"] if arm in study["ids"]]


def _places(panel: Axes, study: Mapping) -> list[str]:
  """A line per arm that has IDs."""
  arms = _generators(study)
  panel.set_yticks(range(len(arms)), [study["labels"][arm] for arm in arms])
  panel.tick_params(axis="y", labelsize=8)
  panel.invert_yaxis()
  svg.grid(panel, "x")
  return arms


def _values(
  panel: Axes, study: Mapping, kind: str, metric: str, times: float
) -> None:
  """A figure of a free beam with its interval, and the paper's."""
  column = sa2crq_paper.COLUMNS.index(metric)
  for place, arm in enumerate(_places(panel, study)):
    row = find(study, arm, kind, "all", metric, "free")
    ends = [times * row[end] for end in ("low", "high")]
    panel.plot(ends, [place, place], color=svg.SERIES[0], linewidth=2)
    middle = times * row["value"]
    panel.plot([middle], [place], "o", color=svg.SERIES[0], markersize=5)
    printed = sa2crq_paper.TABLE_1.get((sa2crq_paper.SAME.get(arm), "all"))
    if printed is not None:
      panel.plot(
        [times * printed[column]], [place], "D", markersize=5,
        markerfacecolor="none", markeredgecolor=svg.MUTED,
      )  # fmt: skip
  panel.set_xlabel("hollow: the paper's, its data and sizes")


def _lengths(panel: Axes, study: Mapping) -> None:
  """How many codes an item of the head and of the tail has."""
  for place, arm in enumerate(_places(panel, study)):
    row = study["ids"][arm]
    ends = [row["length_tail"], row["length_head"]]
    panel.plot(ends, [place, place], color=svg.GRID, linewidth=2)
    for end, color in zip(ends, svg.SERIES[1::-1]):
      panel.plot([end], [place], "o", color=color, markersize=5)
  for name, color in zip(("head", "tail"), svg.SERIES):
    panel.plot([], [], "o", color=color, markersize=5, label=name)
  panel.legend(frameon=False, fontsize=8)
  panel.set_title("codes of an item")


def _quantiles(panel: Axes, study: Mapping) -> None:
  """How crowded IDs are, at four quantiles of all IDs."""
  for place, arm in enumerate(_places(panel, study)):
    for value, color in zip(study["ids"][arm]["quantiles"], svg.SERIES):
      panel.plot([value], [place], "o", color=color, markersize=5)
  for share, color in zip(QUANTILES, svg.SERIES):
    label = f"{100 * share:g} %"
    panel.plot([], [], "o", color=color, markersize=5, label=label)
  panel.set_xscale("log")
  panel.legend(frameon=False, fontsize=8)
  panel.set_title("items of an ID, quantiles")


def _spoken(study: Mapping, kinds: list[str]) -> str:
  """Recall and hallucination, for who cannot see the picture."""
  said = []
  for kind in kinds:
    for arm in _generators(study):
      recall = find(study, arm, kind, "all", "recall@100", "catalogue")
      invalid = find(study, arm, kind, "all", "hallucination", "free")
      said.append(
        f"{svg.plain(kind)}, {study['labels'][arm]} "
        f"{100 * recall['value']:.1f} and {100 * invalid['value']:.1f}"
      )
  return "Recall at 100 items and hallucination in percent: " + "; ".join(said)
