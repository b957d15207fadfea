"""The page of the study: how often, where, and by how much."""

import functools
from collections.abc import Iterator, Mapping

from experiments.studies import plots, tables
from experiments.studies.never_lose_boosted import ARMS
from experiments.studies.never_lose_paper import ALL, BEST, METHOD, PAIRS, RARE
from experiments.studies.never_lose_runs import MODEL
from experiments.studies.record import Record, View
from gr_jax.evaluation.report.text_table import markdown

_SEGMENTS = ("all", "head", "tail", "new")


def method(record: Record) -> str:
  del record
  return METHOD.format(rare=RARE)


def heading(view: View) -> str:
  if view.world == ALL:
    return "## All worlds"
  run = view.facts["run"][MODEL]
  return tables.world_heading(
    view,
    f"{run['parameters'] / 1e6:.1f} million parameters",
    f"{run['seconds']:.0f} seconds of training",
    f"{run['minutes']:.0f} minutes with baselines and evaluation",
    f"code of {', '.join(view.facts['commits'])}",
  )


def verdict_table(view: View) -> str:
  """How often the model is below or above, in every world and in all."""
  if view.world != ALL:
    return ""
  lines = [["world", "rows", "not below", "above", "tail not below"]]
  for name, facts in view.record.worlds.items():
    found = facts["rows"][MODEL]
    names = ("not_below", "above", "tail_not_below")
    shares = [f"{found[one]:.0%}" if one in found else "-" for one in names]
    lines.append([name.replace("_", " "), str(found["rows"]), *shares])
  return markdown(lines)


def _blocks(view: View) -> Iterator[tuple[str, str]]:
  """The kinds of requests and the views of what was seen that have rows."""
  for kind in view.facts["requests"]:
    for seen in ("kept", "out"):
      if view.find(f"{kind}/{seen}/all/recall@10", MODEL):
        yield kind, seen


def best_table(view: View) -> str:
  """The model and the best baseline of every row."""
  lines = []
  for kind, seen in _blocks(view):
    for segment in _SEGMENTS:
      for metric in ("recall@10", "ndcg@10"):
        row = view.find(f"{kind}/{seen}/{segment}/{metric}", MODEL, BEST)
        if row:
          cells = [f"{kind}, {seen}, {segment}", metric, f"{row['n']:,}"]
          lines.append([*cells, *_cells(row)])
  head = ["requests", "metric", "n", "model", "best baseline", "", "difference"]
  return markdown([head, *lines]) if lines else ""


def _cells(row: Mapping) -> list[str]:
  names = ("value", "difference", "low", "high")
  own, apart, low, high = (100 * row[name] for name in names)
  verdict = "**below**" if high < 0 else "above" if low > 0 else ""
  difference = f"{apart:+.2f} [{low:+.2f}, {high:+.2f}] {verdict}".strip()
  return [f"{own:.2f}", f"{own - apart:.2f}", row["best"], difference]


def system_table(view: View) -> str:
  """Recall at ten of every system, all targets, and of the rare ones."""
  blocks = [
    (kind, seen, segment)
    for kind, seen in _blocks(view)
    for segment in ("all", "tail", "new")
  ]
  lines = []
  for system in view.measured:
    if system == BEST:
      continue
    rows = [
      view.find(f"{'/'.join(block)}/recall@10", system) for block in blocks
    ]
    figures = [f"{100 * row['value']:.2f}" if row else "-" for row in rows]
    lines.append([view.labels[system], *figures])
  head = ["recall@10", *[", ".join(block) for block in blocks]]
  return markdown([head, *lines]) if lines else ""


def boosted_table(view: View) -> str:
  """What a ranker over candidates gains by the model's log-probability."""
  there = [one for one in ARMS if one in view.measured]
  if not there:
    return ""
  lines = []
  for pair in PAIRS:
    for kind in view.facts["requests"]:
      row = view.find(f"{kind}/kept/all/recall@10", *pair)
      if row:
        names = [view.labels[one] for one in pair]
        cells = _cells(row | {"best": ""})
        lines.append([kind, *names, cells[0], cells[1], cells[3]])
  head = ["requests", "arm", "against", "recall@10", "without", "difference"]
  return markdown([head, *lines])


TABLES = (heading, verdict_table, best_table, system_table, boosted_table)


def figure(record: Record) -> plots.Picture:
  """The difference to the best baseline, a panel a view of what was seen."""

  def draw(seen: str, axis) -> None:
    lines = []
    for view in record.views():
      if view.world == ALL:
        continue
      for kind in view.facts["requests"]:
        metric = f"{kind}/{seen}/{{}}/recall@10"
        rows = {
          segment: view.find(metric.format(segment), MODEL, BEST)
          for segment in ("all", "tail")
        }
        marks = {name: plots.points(row) for name, row in rows.items() if row}
        if marks:
          label = f"{view.title}, {kind.replace('_', ' ')}"
          lines.append((label, marks))
    plots.intervals(axis, lines)

  panels = [
    plots.Panel(
      f"seen items {seen}",
      functools.partial(draw, seen),
      "points of recall@10 above the best baseline",
    )
    for seen in ("kept", "out")
  ]
  count = sum(len(view.facts["requests"]) for view in record.views())
  return plots.Picture(panels, columns=2, height=1.2 + 0.4 * max(count, 1))
