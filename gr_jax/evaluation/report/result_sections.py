"""Sections on how systems rank beside each other."""

from collections.abc import Sequence

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import result_plots, result_tables
from gr_jax.evaluation.report.page import Section, Table
from gr_jax.evaluation.report.svg import plain
from gr_jax.evaluation.report.verdicts import MAIN, METRIC


def paired(
  results: Sequence[dict], fallback: Sequence[dict], choices: Sequence[dict]
) -> Section:
  """Figures of all systems beside the paired differences of the model.

  Args:
    results: rows of `results.rows`, of one treatment of seen items
      (`verdicts.shown`).
    fallback: rows `{"system", "requests", "seen", "share"}`, the share of the
      requests that a system ranks as `popularity` does.
    choices: rows `{"system", "requests", "setting", "chosen", "value", "low",
      "high"}`, the settings of the baselines on validation.
  """
  rows = tidy.select(results, **MAIN)
  recall = tidy.select(rows, **METRIC)
  compared = [row for row in recall if row["difference"] is not None]
  figures = [result_plots.difference_by_system(compared)] if compared else []
  folds = [Section("The same tables for NDCG@10", tables=_tables(rows, "ndcg"))]
  if choices:
    folds.append(_settings(choices))
  return Section(
    "Figures and paired differences",
    figures=figures,
    tables=_tables(rows, "recall", fallback),
    notes=_comparisons(compared) if compared else [],
    folds=[fold for fold in folds if not fold.is_empty()],
  )


def _tables(
  rows: Sequence[dict], metric: str, fallback: Sequence[dict] = ()
) -> list[Table]:
  """A table per kind of requests."""
  rows = tidy.select(rows, metric=metric, k=METRIC["k"])
  tables = []
  for kind in tidy.kinds(rows):
    shares = tidy.select(fallback, requests=kind)
    table = result_tables.against_model(
      tidy.select(rows, requests=kind),
      metric=metric,
      k=METRIC["k"],
      fallback={row["system"]: row["share"] for row in shares},
    )
    tables.append(table)
  return tables


def _comparisons(compared: Sequence[dict]) -> list[str]:
  return [
    f"These are {len(compared)} comparisons. Every interval is a 95 % interval "
    "by itself and none is corrected for their number: of comparisons without "
    "any difference about one in twenty would still leave out 0. The best "
    "baseline of a kind of requests is named after the fact, by the same "
    "requests.",
    'A system is absent where it has nothing to go by. "As popularity" is the '
    "share of requests that it ranks just as popularity does, because it knows "
    "nothing about them.",
  ]


def _settings(choices: Sequence[dict]) -> Section:
  note = (
    "The setting with the highest recall@10 on as many requests of the "
    "validation period is the one of the tables above. tau is the age at which "
    "a purchase counts for 1/e of a new one, in seconds, or in positions where "
    "the data has no times; tau=inf counts all alike. ridge is the weight of "
    "the squares of EASE, step a checkpoint of a trained ranker."
  )
  table = result_tables.settings(choices)
  name = "Settings of the baselines, chosen on validation"
  return Section(name, tables=[table], notes=[note])


def details(
  results: Sequence[dict], shown: Sequence[dict], fallback: Sequence[dict]
) -> list[Section]:
  """The same tables for IDs and the other treatment of seen items, all cutoffs.

  Args:
    results: all rows.
    shown: those of the treatment of the headline.
    fallback: rows as of `paired`, of both treatments.
  """
  sections = []
  above = {(row["requests"], row["seen"]) for row in shown}
  for level, seen in dict.fromkeys((r["level"], r["seen"]) for r in results):
    rows = [
      row
      for row in tidy.select(results, level=level, seen=seen, segment="all")
      if level != "item" or (row["requests"], seen) not in above
    ]
    if rows:
      name = f"Recall@10, {level} level, seen items {seen}"
      shares = tidy.select(fallback, seen=seen)
      sections.append(Section(name, tables=_tables(rows, "recall", shares)))
  rows = tidy.select(shown, **MAIN)
  for kind in tidy.kinds(rows):
    own = tidy.select(rows, requests=kind)
    name = f"Every cutoff, {plain(kind)} requests"
    table = result_tables.every_cutoff(own)
    sections.append(Section(name, tables=[table]))
  return sections
