"""The page and the picture of UA-SID's study."""

import functools

from experiments.studies import plots, tables
from experiments.studies.record import Record, View
from experiments.studies.ua_sid_paper import (
  BASELINE,
  COLLIDES,
  METHOD,
  PARTNER,
  RAW,
  RIGHT_AD,
)


def method(record: Record) -> str:
  worlds = record.config["worlds"]
  made_up = [world for world in worlds.values() if "ads" in world]
  sizes = made_up[0]["ads"]
  levels = made_up[0]["tokenizer"]["levels"]
  return METHOD.format(
    ads=sizes["ads"],
    copies=sizes["copies"],
    levels=", ".join(map(str, levels)),
    noises=" or ".join(f"{world['ads']['noise']:g}" for world in made_up),
  )


def heading(view: View) -> str:
  found = view.facts
  kind, count = next(iter(found["requests"].items()))
  what = "ads" if kind == "ad" else "ads with a partner in the test period"
  return (
    f"## {view.title}\n\n{found['items']:,} items, {count:,} {what}; "
    f"{len(found['seeds'])} seeds."
  )


def id_table(view: View) -> str:
  """Collisions and the right ad, and how the IDs spread."""
  if "ids" not in view.facts:
    return ""
  metrics = (COLLIDES, RIGHT_AD)
  columns = {
    "ads per ID": "{items_per_id:.2f}",
    "IDs of all combinations": "{utilization:.2%}",
    "later ads that collide": "{later_collide:.1%}",
  }
  return (
    tables.baseline_table(
      view, BASELINE, metrics, ["collides", "right ad first"]
    )
    + "\n\n"
    + tables.fact_table(view, "ids", columns)
    + "\n\n"
    + tables.fact_table(view, "sizes", {"sizes differ by": "{spread:,.0f}"})
  )


def partner_table(view: View) -> str:
  """R@1 of partners beside the given vectors and CQ-SID's."""
  if "partners" not in view.facts:
    return ""
  chance = view.facts["partners"][RAW]["chance"]
  found = [
    f"Difference to *{view.labels[baseline]}*:\n\n"
    + tables.baseline_table(view, baseline, [PARTNER], ["recall@1"])
    for baseline in (RAW, "cq_sid")
    if baseline in view.measured
  ]
  return "\n\n".join([*found, f"By chance it is {chance:.2%}."])


def figure(record: Record) -> plots.Picture:
  """A panel per world and metric: distances to its baseline."""

  def lines(view: View, metric: str, baseline: str) -> list:
    arms = [arm for arm in view.measured if arm != baseline]
    rows = [view.find(metric, arm, baseline) for arm in arms]
    return [(view.labels[r["arm"]], {"": plots.points(r)}) for r in rows]

  panels = []
  for view in record.views():
    of_ads = (COLLIDES, BASELINE), (RIGHT_AD, BASELINE)
    shown = of_ads if "ids" in view.facts else ((PARTNER, RAW),)
    for metric, baseline in shown:
      draw = functools.partial(
        plots.intervals, lines=lines(view, metric, baseline)
      )
      title = f"{view.title}, {plots.spoken_metric(metric)}"
      above = f"points above {record.labels[baseline]}"
      panels.append(plots.Panel(title, draw, above))
  most = max(len(view.measured) for view in record.views())
  return plots.Picture(panels, columns=3, height=1.1 + 0.3 * most)
