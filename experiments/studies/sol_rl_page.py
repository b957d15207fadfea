"""The page of the Sol-RL study: scores, costs, explorers, curves."""

from collections.abc import Mapping

from experiments.studies import plots, tables
from experiments.studies.record import Record, View
from experiments.studies.sol_rl_paper import (
  BEFORE,
  FRECHET,
  GROUP,
  METHOD,
  METRICS,
  SPEED_UP,
  WIDE,
)
from gr_jax.evaluation.report import svg
from gr_jax.evaluation.report.text_table import markdown


def method(record: Record) -> str:
  align = record.config["align"]
  return METHOD.format(
    updates=align["loop"]["steps"],
    prompts=align["prompts"]["batch_size"],
    learned=record.config["align"]["group_size"],
    rank=align["lora"]["rank"],
    fidelity=record.config["fidelity"]["prompts"],
    each=record.config["evaluation"]["each"],
  )


def heading(view: View) -> str:
  facts = view.facts
  return (
    f"## {view.title}\n\n{facts['requests']['']:,} prompts of "
    f"{facts['users']:,} captions, {facts['pictures']} pictures of each; "
    f"{len(facts['seeds'])} seeds of the alignment."
  )


def score_tables(view: View) -> str:
  """Scores of all arms and their differences to each baseline."""
  heads = [svg.plain(name) for name in METRICS]
  return "\n\n".join(
    f"Difference to *{view.labels[baseline]}*:\n\n"
    + tables.baseline_table(view, baseline, METRICS, heads, digits=2)
    for baseline in (GROUP, WIDE, BEFORE)
    if baseline in view.measured
  )


def distance_table(view: View) -> str:
  """Distances from real pictures."""
  lines = []
  for name in view.measured:
    rows = [view.find(FRECHET, name, base) for base in (name, GROUP, WIDE)]
    if any(rows):
      own = next(filter(None, rows))
      apart = [
        "-" if row is None or row["arm"] == row["baseline"] else
        f"{row['difference']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"
        for row in rows[1:]
      ]  # fmt: skip
      lines.append([view.labels[name], f"{own['value']:.2f}", *apart])
  if not lines:
    return ""
  head = ["arm", "Frechet distance"]
  for baseline in (GROUP, WIDE):
    head.append(f"beside *{view.labels.get(baseline, baseline)}*")
  return "Distances from real pictures:\n\n" + markdown([head, *lines])


def cost_table(view: View) -> str:
  """Three speed-ups apart: drawing, an update, and getting there."""
  cost = view.facts.get("cost", {})
  if WIDE not in cost:
    return ""
  head = ["arm", "passes to draw", "to learn", "draws x", "updates x",
          "gets there x"]  # fmt: skip
  lines = []
  for name, one in cost.items():
    row = view.find(SPEED_UP, name)
    drawn, wide = (x["explore"] + x["draw"] for x in (one, cost[WIDE]))
    lines.append([
      view.labels[name], f"{drawn:,.0f}", f"{one['update']:,.0f}",
      f"{wide / drawn:.2f}", f"{cost[WIDE]['all'] / one['all']:.2f}",
      _spoken(row),
    ])  # fmt: skip
  return (
    "Passes of the network in sixteen bits a prompt and update, and three "
    f"speed-ups: drawing and a whole update against *{view.labels[WIDE]}*, and "
    f"the cost of *{view.labels[GROUP]}*'s last validation reward over that of "
    "reaching it:\n\n" + markdown([head, *lines])
  )


def _spoken(row: Mapping | None) -> str:
  if row is None:
    return ""
  value, low, high = (
    "at once"
    if row[name] is None
    else f"{row[name]:.2f}"
    if row[name]
    else "never"
    for name in ("value", "value_low", "value_high")
  )
  return f"{value} [{low}, {high}]"


def fidelity_table(view: View) -> str:
  """How explorers rank candidates before alignment."""
  columns = {
    "Spearman": "{spearman:.3f}",
    "Kendall": "{kendall:.3f}",
    "best 12 found": "{overlap:.1%}",
    "percentile of its best": "{best:.1%}",
    "of its worst": "{worst:.1%}",
    "contrast kept": "{contrast:.1%}",
  }
  if "fidelity" not in view.facts:
    return ""
  return (
    "How explorers rank 96 candidates of a prompt as the model itself does, "
    "before alignment (of a perfect one the percentiles are 93.8 and 6.2 "
    "%):\n\n" + tables.fact_table(view, "fidelity", columns, first="explorer")
  )


def run_table(view: View) -> str:
  """How the alignments themselves went."""
  columns = {
    "spread of a group": "{reward_spread:.3f}",
    "brightness": "{brightness_last:.3f}",
    "saturation": "{saturation_last:.2%}",
    "diversity": "{diversity_last:.3f}",
  }
  return (
    "While aligning, means over the seeds; the spread is the standard "
    "deviation of rewards that are learned together, the others are of the "
    "last pictures that were learned:\n\n"
    + tables.fact_table(view, "runs", columns)
  )


def figure(record: Record) -> plots.Picture:
  """Validation rewards against cost, a panel per world."""
  panels, names = [], []
  for view in record.views():
    arms = [
      name for name in view.facts.get("runs", {}) if name in view.measured
    ]
    names = [view.labels[name] for name in arms]

    def lines(axis, view=view, arms=arms):
      for name, color in zip(arms, svg.SERIES):
        one = view.facts["runs"][name]
        each = view.facts["cost"][name]["all"] / 1000
        axis.plot(
          [each * n for n in one["updates"]], one["rewards"], "o-",
          color=color, linewidth=2, markersize=4,
        )  # fmt: skip
      svg.grid(axis, "y")

    panels.append(
      plots.Panel(
        f"{view.title}: reward of validation prompts", lines,
        "thousand passes in 16 bits a prompt", "reward",
      )
    )  # fmt: skip
  return plots.Picture(panels, columns=len(panels), height=4.2, legend=names)
