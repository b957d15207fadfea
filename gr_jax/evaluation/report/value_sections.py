"""The section on what answers are worth."""

from collections.abc import Mapping, Sequence

from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.report import result_tables, value_plots
from gr_jax.evaluation.report.numbers import plain_number
from gr_jax.evaluation.report.page import Cell, Row, Section, Table
from gr_jax.evaluation.report.svg import plain
from gr_jax.evaluation.report.verdicts import MAIN, METRIC
from gr_jax.evaluation.worth import VALUE


def values(results: Sequence[dict], found: Mapping) -> Section:
  """Value@10 beside the baselines, predicted values, and their weight.

  Args:
    results: rows of `results.rows`, with the metric "value".
    found: the part `values` of a report, `value_figures.value_figures`.
  """
  title = "What answers are worth"
  if not found:
    return Section(title)
  rows = tidy.select(results, **MAIN, metric=VALUE, k=METRIC["k"])
  tables = [
    result_tables.against_model(
      tidy.select(rows, requests=kind), metric=VALUE, k=METRIC["k"]
    )
    for kind in tidy.kinds(rows)
  ]
  rerank = found["rerank"]
  figures = [value_plots.reliability(found["reliability"])]
  if rerank["tried"]:
    figures.append(
      value_plots.value_by_weight(rerank["tried"], rerank["chosen"])
    )
  return Section(
    title,
    figures=figures,
    tables=tables,
    notes=[_earned(found["most"]), *_predicted(found)],
    folds=[
      Section("Every bucket of predictions", tables=[_buckets(found)]),
    ],
  )


def _earned(most: Sequence[Mapping]) -> str:
  best = ", ".join(
    f"{plain(row['requests'])} {plain_number(row['value'], 3)}" for row in most
  )
  return (
    "Value@10 is what users went on to take of the first ten answers, in the "
    "units of the log (prices, or what a click pays), a request on average. "
    "The log does not say what other answers would have earned, so every "
    "system earns this at least. Ten answers that are all right would have: "
    f"{best}."
  )


def _predicted(found: Mapping) -> list[str]:
  figures, chosen = found["calibration"], found["rerank"]["chosen"]
  return [
    f"Predicted values of {figures['n']:,} items that were taken: a mean of "
    f"{figures['ratio']:.3f} of what was paid; buckets are off by "
    f"{figures['ece']:.1%} of the mean value (ECE), where predictions that "
    f"are right would seem to be by {figures['chance']:.1%}; rank correlation "
    f"{figures['rank_correlation']:.2f}. They say what an item is worth if it "
    "is taken, not whether it is.",
    f"gamma = {chosen:g}, "
    + (
      "chosen on validation requests."
      if found["rerank"]["tried"]
      else "as the config gives it; nothing was tried."
    ),
  ]


def _buckets(found: Mapping) -> Table:
  lines = [
    Row(
      [
        Cell(plain_number(row["predicted"])),
        Cell(
          plain_number(row["value"]),
          f"{plain_number(row['low'])} to {plain_number(row['high'])}",
        ),
        Cell(f"{row['n']:,}"),
      ]
    )
    for row in found["reliability"]
  ]
  return Table(["predicted value", "value in the log", "items"], lines)
