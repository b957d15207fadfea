"""`report.html`: the run on one page that opens anywhere."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import (
  page_style,
  page_tables,
  report_file,
  result_plots,
  run_plots,
  svg,
)

_MAIN = {"level": "item", "seen": "kept", "segment": "all"}
_METRIC = {"metric": "recall", "k": 10}

_HOW_TO_READ = """
<p><b>Recall@10</b> is the share of the items a user went on to choose that
stand among the first ten answers. A <b>baseline</b> is a simple ranker without
a model; a model that does not beat its baselines has learned nothing that
counting could not tell. The bar through a dot is the 95 % interval: how far the
figure moves when users are drawn again and again with replacement. Where two
bars do not overlap the systems differ; where they do, the difference may be
luck.</p> <p><b>Semantic</b> requests show only the query, <b>personalised</b>
ones the query and the user's past, and <b>next basket</b> only the past. No
request is from the training period. An ID may name several items; the <b>ID
level</b> counts it as found when it names a wanted one.</p>
"""


def page(report: Mapping) -> str:
  """The whole page as HTML; what the report does not have is left out.

  Args:
    report: what `report_file.write_report` wrote.
  """
  results = report["results"]
  sections = [
    _opening(report),
    _headline(results),
    _head_and_tail(results),
    _beams(report.get("beams"), report.get("hallucination")),
    _curves(report.get("history", {})),
    _ids(report),
    _details(results),
    _run(report),
  ]
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    f"<title>{escape(_title(report))}</title><style>{page_style.CSS}</style>"
    f"</head><body><main>{''.join(sections)}</main></body></html>\n"
  )


def write_page(path: Path, report: Mapping) -> None:
  """Writes `page(report)`; the file appears whole or not at all."""
  report_file.write_text(path, page(report))


def _title(report: Mapping) -> str:
  models = dict.fromkeys(
    row["system"]
    for row in report["results"]
    if row["system"] not in tidy.BASELINES
  )
  return f"{', '.join(models)} against its baselines" if models else "Baselines"


def _opening(report: Mapping) -> str:
  rows = tidy.select(report["results"], **_MAIN, **_METRIC)
  kinds = dict.fromkeys(row["requests"] for row in rows)
  tiles = [_tile(kind, tidy.select(rows, requests=kind)) for kind in kinds]
  total = run_plots.spoken_time(sum(report["seconds"].values()))
  return (
    f"<header><h1>{escape(_title(report))}</h1>"
    f'<p class="quiet">All on the same requests; the run took {total}.</p>'
    "</header>"
    f'<div class="tiles">{"".join(tiles)}</div>'
    f"<details open><summary>How to read this</summary>{_HOW_TO_READ}</details>"
  )


def _tile(kind: str, rows: Sequence[dict]) -> str:
  """The run's own model on one kind of requests, and the best baseline."""
  models = [row for row in rows if row["system"] not in tidy.BASELINES]
  baselines = [row for row in rows if row["system"] in tidy.BASELINES]
  # A run reports its own model first; others stand beside it.
  own = models[0] if models else max(baselines, key=lambda row: row["value"])
  lines = [
    f"{own['low']:.4f} to {own['high']:.4f}, {own['n']:,} requests",
  ]
  if models and baselines:
    baseline = max(baselines, key=lambda row: row["value"])
    lines.append(f"best baseline: {baseline['system']} {baseline['value']:.4f}")
    lines.append(_verdict(own, baseline))
  spans = "".join(f"<span>{escape(line)}</span>" for line in lines)
  name = escape(f"{svg.plain(kind)}, {own['system']}, recall@10")
  return (
    f'<div class="tile"><span>{name}</span>'
    f"<b>{own['value']:.4f}</b>{spans}</div>"
  )


def _verdict(model: Mapping, baseline: Mapping) -> str:
  if model["low"] > baseline["high"]:
    return "baseline beaten, the intervals lie apart"
  if model["high"] < baseline["low"]:
    return "baseline not reached, the intervals lie apart"
  return "no clear difference, the intervals overlap"


def _headline(results: Sequence[dict]) -> str:
  rows = tidy.select(results, **_MAIN)
  recall = tidy.select(rows, **_METRIC)
  if not recall:
    return ""
  plot = _figure(
    result_plots.recall_by_system(recall),
    "Recall@10 of items, seen items kept. Dots are means, bars 95 % intervals; "
    "baselines are grey. A system is absent where it does not apply.",
  )
  tables = "".join(
    page_tables.headline(rows, metric=metric, k=10)
    for metric in ("recall", "ndcg")
  )
  return f"<h2>Against the baselines</h2>{plot}{tables}"


def _head_and_tail(results: Sequence[dict]) -> str:
  rows = [
    row
    for row in tidy.select(results, level="item", seen="kept", **_METRIC)
    if row["segment"] in ("head", "tail")
  ]
  if not rows:
    return ""
  return "<h2>Head against tail</h2>" + _figure(
    result_plots.head_against_tail(rows),
    "Recall@10 where only popular items count (head: the fewest items that "
    "hold 80 % of the training interactions) and where only the others do "
    "(tail).",
  )


def _beams(
  beams: Sequence[dict] | None, hallucination: Sequence[dict] | None
) -> str:
  if not beams and not hallucination:
    return ""
  parts = ["<h2>Search</h2>"]
  if beams:
    caption = "Recall@10 against beam width; the band is the 95 % interval."
    parts.append(_figure(result_plots.recall_by_beam(beams), caption))
  if hallucination:
    said = ", ".join(
      f"{svg.plain(row['requests'])} {row['value']:.2%}"
      for row in hallucination
    )
    parts.append(
      "<p>Share of IDs that an unconstrained beam would invent: "
      f"{escape(said)}. The constrained search invents none.</p>"
    )
  return "".join(parts)


def _curves(history: Mapping) -> str:
  if not run_plots.has_curves(history):
    return ""
  caption = "Every figure against the training step."
  plot = _figure(run_plots.training_curves(history), caption)
  return f"<h2>Training</h2>{plot}"


def _ids(report: Mapping) -> str:
  plots, quality = [], report.get("quality", [])
  if quality and report.get("level_sizes"):
    caption = (
      "Share of the codes in use; the line across is the perplexity, the "
      "number of codes if all were equally frequent."
    )
    picture = run_plots.codebook_use(quality, report["level_sizes"])
    plots.append(_figure(picture, caption))
  if report.get("items_per_id"):
    picture = run_plots.items_per_id(report["items_per_id"])
    plots.append(_figure(picture, "How many items share one semantic ID."))
  if not plots and not quality:
    return ""
  table = page_tables.by_level(quality) if quality else ""
  return f'<h2>Semantic IDs</h2><div class="pair">{"".join(plots)}</div>{table}'


def _details(results: Sequence[dict]) -> str:
  """The same tables for IDs and unseen items, then every cutoff."""
  parts = []
  views = dict.fromkeys((row["level"], row["seen"]) for row in results)
  for level, seen in views:
    rows = tidy.select(results, level=level, seen=seen, segment="all")
    if (level, seen) != ("item", "kept"):
      table = page_tables.headline(rows, metric="recall", k=10)
      parts.append(_fold(f"Recall@10, {level} level, seen items {seen}", table))
  rows = tidy.select(results, **_MAIN)
  for kind in dict.fromkeys(row["requests"] for row in rows):
    table = page_tables.every_cutoff(tidy.select(rows, requests=kind))
    parts.append(_fold(f"Every cutoff, {svg.plain(kind)} requests", table))
  return f"<h2>More figures</h2>{''.join(parts)}" if parts else ""


def _run(report: Mapping) -> str:
  parts = ["<h2>The run</h2>"]
  if report["seconds"]:
    caption = "Time of every stage; a stage that was loaded takes none."
    plot = run_plots.stage_seconds(report["seconds"])
    parts.append(_figure(plot, caption))
  for name in ("config", "versions"):
    parts.append(_fold(name.capitalize(), page_tables.pairs(report[name])))
  return "".join(parts)


def _fold(title: str, content: str) -> str:
  return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _figure(picture: str, caption: str) -> str:
  return (
    f"<figure><div>{picture}</div>"
    f"<figcaption>{escape(caption)}</figcaption></figure>"
  )
