"""The page of a retrieval run: how it ranks beside its baselines, and why."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import (
  advice,
  cost_sections,
  data_sections,
  result_plots,
  result_sections,
  run_plots,
  run_sections,
  value_sections,
  verdicts,
)
from gr_jax.evaluation.report.page import Section, Tile, page
from gr_jax.evaluation.report.svg import plain
from gr_jax.evaluation.report.verdicts import MAIN, METRIC
from gr_jax.progress_bar import spoken_time

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
      "again and again with replacement. Whether two systems differ is read "
      "from their <b>paired difference</b>: the mean of the model minus the "
      "system over the same requests. Where its interval holds 0 they cannot "
      "be told apart."
    ),
    Markup(
      "<b>Semantic</b> requests show only the query, <b>personalised</b> ones "
      "the query and the user's past, and <b>next basket</b> only the past. No "
      "request is from the training period. An ID may name several items; the "
      "<b>ID level</b> counts it as found when it names a wanted one."
    ),
  ],
)


def retrieval_page(report: Mapping) -> str:
  """The report of a retrieval run as HTML.

  Only `results`, `seconds`, `config` and `versions` must be there; sections on
  anything else are left out with it.
  """
  results, commits = report["results"], report.get("commits", {})
  sampled, fallback = report.get("sampled", ()), report.get("fallback", ())
  shown = verdicts.shown(results, sampled)
  total = spoken_time(sum(report["seconds"].values()))
  own = tidy.select(results, role=tidy.MODEL)
  models = ", ".join(dict.fromkeys(row["system"] for row in own))
  return page(
    f"{_title(models)} against its baselines" if models else "Baselines",
    f"{verdicts.summary(shown)} All answered the same requests; the run took "
    f"{total}.".strip(),
    [
      Section(
        warnings=run_sections.mixed_commits(commits),
        tiles=_tiles(shown),
        folds=[_HOW_TO_READ],
      ),
      _next_steps(report),
      _all_systems(shown, report.get("left_out", ()), sampled),
      data_sections.examples(report.get("examples", ())),
      result_sections.paired(
        shown, verdicts.shown(fallback, sampled), report.get("choices", ())
      ),
      value_sections.values(shown, report.get("values", {})),
      _head_and_tail(shown),
      data_sections.data(report.get("data", {}), sampled),
      cost_sections.search(report),
      _training(report),
      run_sections.semantic_ids(
        *(report.get(n, ()) for n in ("quality", "level_sizes", "items_per_id"))
      ),
      Section(
        "More figures",
        folds=result_sections.details(results, shown, fallback),
      ),
      run_sections.stages(
        report["seconds"],
        commits,
        {name: report[name] for name in ("config", "versions")},
        run_sections.origin_terms(report),
      ),
    ],
  )


def _title(models: str) -> str:
  """The name of the system; one that is named by what it is has an article."""
  return "The model" if models == "model" else models


def _next_steps(report: Mapping) -> Section:
  """Where a baseline is above the model, and what to do."""
  lost = advice.places(report.get("second_look", ()), report)
  warnings = []
  if lost:
    many = "in one place" if len(lost) == 1 else f"in {len(lost)} places"
    warnings = [f"On validation a baseline is above the model {many}."]
  return Section(
    "What to do next",
    warnings=warnings,
    points=advice.next_steps(report),
    folds=[Section("Where a baseline is above the model", points=lost)]
    if lost
    else [],
  )


def _all_systems(
  shown: Sequence[dict], left_out: Sequence[dict], sampled: Sequence[dict]
) -> Section:
  recall = tidy.select(shown, **MAIN, **METRIC)
  figures = [result_plots.recall_by_system(recall)] if recall else []
  notes = data_sections.treatment_notes(sampled)
  notes += [
    f"{row['system']} is left out: {row['reason']}." for row in left_out
  ]
  return Section("Against the baselines", figures=figures, notes=notes)


def _head_and_tail(shown: Sequence[dict]) -> Section:
  rows = tidy.select(shown, level="item", **METRIC)
  rows = [row for row in rows if row["segment"] in ("head", "tail")]
  figures = [result_plots.head_against_tail(rows)] if rows else []
  return Section("Head against tail", figures=figures)


def _training(report: Mapping) -> Section:
  known = report.get("target_known", {})
  shares = ", ".join(
    f"{share:.1%} in {split}" for split, share in known.items()
  )
  note = (
    f"Share of rows whose target the transitions know: {shares}. The shares "
    "should agree: a network that is told more in training trusts counts too "
    "much."
  )
  return Section(
    "Training",
    figures=run_plots.training_curves(report.get("history", {})),
    tables=run_sections.second_look(report.get("second_look", ())),
    notes=[*run_sections.training_notes(report), *([note] if known else [])],
  )


def _tiles(shown: Sequence[dict]) -> list[Tile]:
  rows = tidy.select(shown, **MAIN, **METRIC)
  return [
    _tile(kind, tidy.select(rows, requests=kind)) for kind in tidy.kinds(rows)
  ]


def _tile(kind: str, rows: Sequence[dict]) -> Tile:
  """The run's own model on one kind of requests, and the best of the others."""
  models = tidy.select(rows, role=tidy.MODEL)
  # A run reports its own model first; others stand beside it.
  own = models[0] if models else max(rows, key=lambda row: row["value"])
  lines = [f"{own['low']:.4f} to {own['high']:.4f}, {own['n']:,} requests"]
  others = [row for row in rows if row["difference"] is not None]
  if models and others:
    best = max(others, key=lambda row: row["value"])
    lines.append(f"best other: {best['system']} {best['value']:.4f}")
    word = verdicts.verdict(best)
    lines.append(f"{word}: {verdicts.difference(best, 4)}")
  seen = ", seen items out" if own["seen"] == "out" else ""
  name = f"{plain(kind)}, {own['system']}, recall@10{seen}"
  return Tile(name, f"{own['value']:.4f}", lines)
