"""The page of a retrieval run: how it ranks beside its baselines, and why."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import (
  result_plots,
  result_tables,
  run_plots,
  run_sections,
)
from gr_jax.evaluation.report.page import Section, Tile, page
from gr_jax.evaluation.report.svg import plain

_MAIN = {"level": "item", "seen": "kept", "segment": "all"}
_METRIC = {"metric": "recall", "k": 10}

_HOW_TO_READ = Section(
  "How to read this",
  notes=[
    Markup(
      "<b>Recall@10</b> is the share of the items a user went on to choose "
      "that stand among the first ten answers. A <b>baseline</b> is a simpler "
      "ranker: one that counts, one that matches words or vectors, or a dual "
      "encoder where the run trained one. A model that does not beat its "
      "baselines has learned nothing that they do not know. The bar through a "
      "dot is the 95 % interval: how far the figure moves when users are drawn "
      "again and again with replacement. Where two bars do not overlap the "
      "systems differ; where they do, the difference may be luck."
    ),
    Markup(
      "<b>Semantic</b> requests show only the query, <b>personalised</b> ones "
      "the query and the user's past, and <b>next basket</b> only the past. No "
      "request is from the training period. An ID may name several items; the "
      "<b>ID level</b> counts it as found when it names a wanted one."
    ),
  ],
  open=True,
)


def retrieval_page(report: Mapping) -> str:
  """The report of a retrieval run as HTML.

  Only `results`, `seconds`, `config` and `versions` must be there; sections on
  anything else are left out with it.
  """
  results, commits = report["results"], report.get("commits", {})
  total = run_plots.spoken_time(sum(report["seconds"].values()))
  own = tidy.select(results, role=tidy.MODEL)
  models = ", ".join(dict.fromkeys(row["system"] for row in own))
  curves = run_plots.training_curves(report.get("history", {}))
  return page(
    f"{models} against its baselines" if models else "Baselines",
    f"All on the same requests; the run took {total}.",
    [
      Section(
        warnings=run_sections.mixed_commits(commits),
        tiles=_tiles(results),
        folds=[_HOW_TO_READ],
      ),
      _all_systems(results),
      _head_and_tail(results),
      _search(report.get("beams", ()), report.get("hallucination", ())),
      Section("Training", figures=curves),
      run_sections.semantic_ids(
        *(report.get(n, ()) for n in ("quality", "level_sizes", "items_per_id"))
      ),
      Section("More figures", folds=_details(results)),
      run_sections.stages(
        report["seconds"],
        commits,
        {name: report[name] for name in ("config", "versions")},
      ),
    ],
  )


def _all_systems(results: Sequence[dict]) -> Section:
  rows = tidy.select(results, **_MAIN)
  recall = tidy.select(rows, **_METRIC)
  names = ("recall", "ndcg") if recall else ()
  return Section(
    "Against the baselines",
    figures=[result_plots.recall_by_system(recall)] if recall else [],
    tables=[result_tables.by_system(rows, metric=n, k=10) for n in names],
  )


def _head_and_tail(results: Sequence[dict]) -> Section:
  rows = tidy.select(results, level="item", seen="kept", **_METRIC)
  rows = [row for row in rows if row["segment"] in ("head", "tail")]
  figures = [result_plots.head_against_tail(rows)] if rows else []
  return Section("Head against tail", figures=figures)


def _search(beams: Sequence[dict], hallucination: Sequence[dict]) -> Section:
  shares = ", ".join(
    f"{plain(row['requests'])} {row['value']:.2%}" for row in hallucination
  )
  note = (
    f"Share of IDs that an unconstrained beam would invent: {shares}. The "
    "constrained search invents none."
  )
  return Section(
    "Search",
    figures=[result_plots.recall_by_beam(beams)] if beams else [],
    notes=[note] if hallucination else [],
  )


def _details(results: Sequence[dict]) -> list[Section]:
  """The same tables for IDs and unseen items, then every cutoff."""
  tables = {}
  for level, seen in dict.fromkeys((r["level"], r["seen"]) for r in results):
    rows = tidy.select(results, level=level, seen=seen, segment="all")
    if (level, seen) != ("item", "kept"):
      name = f"Recall@10, {level} level, seen items {seen}"
      tables[name] = result_tables.by_system(rows, metric="recall", k=10)
  rows = tidy.select(results, **_MAIN)
  for kind in tidy.kinds(rows):
    own = tidy.select(rows, requests=kind)
    name = f"Every cutoff, {plain(kind)} requests"
    tables[name] = result_tables.every_cutoff(own)
  return [Section(name, tables=[table]) for name, table in tables.items()]


def _tiles(results: Sequence[dict]) -> list[Tile]:
  rows = tidy.select(results, **_MAIN, **_METRIC)
  return [
    _tile(kind, tidy.select(rows, requests=kind)) for kind in tidy.kinds(rows)
  ]


def _tile(kind: str, rows: Sequence[dict]) -> Tile:
  """The run's own model on one kind of requests, and the best baseline."""
  models = tidy.select(rows, role=tidy.MODEL)
  baselines = tidy.select(rows, role=tidy.BASELINE)
  # A run reports its own model first; others stand beside it.
  own = models[0] if models else max(baselines, key=lambda row: row["value"])
  lines = [f"{own['low']:.4f} to {own['high']:.4f}, {own['n']:,} requests"]
  if models and baselines:
    best = max(baselines, key=lambda row: row["value"])
    lines.append(f"best baseline: {best['system']} {best['value']:.4f}")
    lines.append(_verdict(own, best))
  name = f"{plain(kind)}, {own['system']}, recall@10"
  return Tile(name, f"{own['value']:.4f}", lines)


def _verdict(model: Mapping, baseline: Mapping) -> str:
  if model["low"] > baseline["high"]:
    return "baseline beaten, the intervals lie apart"
  if model["high"] < baseline["low"]:
    return "baseline not reached, the intervals lie apart"
  return "no clear difference, the intervals overlap"
