"""The record of a single run: the figures of its report that are kept."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from experiments.studies.record import (
  Record,
  without_folders,
  without_folders_in,
)
from gr_jax.evaluation import results
from gr_jax.evaluation.report import run_sections

# What `Record.study` holds for a run that is no study.
SINGLE_RUN = "single_runs"
HEADLINE = "recall@10"
# Figures of all requests with seen items kept, and of the other views.
KEPT = (
  ("recall", 1), ("recall", 10), ("recall", 100), ("ndcg", 10),
  ("hit_rate", 10), ("mrr", 10), ("graded_ndcg", 10),
)  # fmt: skip
NARROWED = (("recall", 10), ("ndcg", 10))
DIGITS = 5
# Sections of what is trained, the last one of a config is the model.
_TRAINED = ("tokenizer", "generator", "hstu")


def from_report(
  report: Mapping,
  name: str,
  *,
  seen: str = "kept",
  systems: Collection[str] = (),
) -> Record:
  """The figures of items that `report.json` holds, in the form of a study's.

  A system beside itself has its own figure. The model beside a system has the
  paired difference, model minus system, where the report has one.

  Metrics are `KIND/METRIC@K`, e.g. `next_basket/recall@10`, with seen items
  kept. `KIND/unseen/...` is with seen items taken out, `KIND/head/...` and
  `KIND/tail/...` count popular and rare targets only,
  `KIND/beam_WIDTH/recall@10` has that beam, and `KIND/hallucination` is the
  share of an unconstrained beam that names nothing.

  Args:
    report: what `report_file.read_report` gives.
    name: the world of the record, the name of the run.
    seen: the view that its page shows, "kept" or "out".
    systems: those that are kept; () is all. Without the model none has a
      paired difference.

  Raises:
    ValueError: a system that the report does not have.
  """
  rows = results.select(report["results"], level="item")
  model = next(r["system"] for r in rows if r["role"] == results.MODEL)
  there = list(dict.fromkeys(row["system"] for row in rows))
  if unknown := set(systems) - set(there):
    raise ValueError(
      f"no figures of {', '.join(sorted(unknown))}; the report has "
      f"{', '.join(there)}."
    )
  kept = [system for system in there if system in systems or not systems]
  rows = [row for row in rows if row["system"] in kept]
  config, origin = report["config"], report["origin"]
  trained = [part for part in _TRAINED if part in config]
  seeds = {part: config[part]["seed"] for part in trained}
  seeds["requests"] = config["evaluation"]["seed"]
  alone = _alone(report, model) if model in kept else ()
  facts = {
    "variants": kept,
    "model": model if model in kept else "",
    "seen": seen,
    "seeds": [seeds[trained[-1]]],
    "requests": _counts(rows),
    "level_sizes": report.get("level_sizes", []),
    "target_known": report.get("target_known", {}),
  } | {
    row["metric"]: row["value"]
    for row in report.get("quality", ())
    if row["metric"] in ("items", "ids")
  }
  return Record(
    study=SINGLE_RUN,
    labels={system: system for system in kept},
    worlds={name: facts},
    rows=[{"world": name} | row for row in (*_figures(rows, model), *alone)],
    origin={
      "command": without_folders_in(origin["command"]),
      "commit": ", ".join(run_sections.distinct(report["commits"])),
      "machine": origin["machine"],
      "versions": report["versions"],
      "seeds": seeds,
      "minutes": sum(report["seconds"].values()) / 60,
    },
    config=without_folders(config),
  )


def _counts(rows: Sequence[Mapping]) -> dict[str, int]:
  """The requests of every kind."""
  return {
    kind: max(row["n"] for row in results.select(rows, requests=kind))
    for kind in results.kinds(rows)
  }


def _figures(rows: Sequence[Mapping], model: str) -> Iterator[dict]:
  own = {_place(row): row for row in results.select(rows, system=model)}
  for row in rows:
    view = _view(row)
    kept = NARROWED if view else KEPT
    if (row["metric"], row["k"]) not in kept:
      continue
    metric = f"{row['requests']}/{view}{row['metric']}@{row['k']}"
    system = row["system"]
    yield _row(metric, system, system, row, (0.0, 0.0, 0.0))
    ends = [row.get(f"difference{end}") for end in ("", "_low", "_high")]
    if own and None not in ends:
      yield _row(metric, model, system, own[_place(row)], ends)


def _place(row: Mapping) -> tuple:
  names = ("requests", "seen", "segment", "metric", "k")
  return tuple(row[name] for name in names)


def _view(row: Mapping) -> str:
  unseen = "unseen/" if row["seen"] == "out" else ""
  return unseen + ("" if row["segment"] == "all" else f"{row['segment']}/")


def _alone(report: Mapping, model: str) -> Iterator[dict]:
  """Figures that only the model has."""
  nothing = (0.0, 0.0, 0.0)
  for row in report.get("hallucination", ()):
    metric = f"{row['requests']}/hallucination"
    yield _row(metric, model, model, row, nothing)
  for row in report.get("beams", ()):
    metric = f"{row['requests']}/beam_{row['beam']}/{HEADLINE}"
    yield _row(metric, model, model, row, nothing)


def _row(
  metric: str,
  arm: str,
  baseline: str,
  figure: Mapping,
  difference: Sequence[float],
) -> dict:
  values = (figure["value"], figure["low"], figure["high"], *difference)
  names = (
    "value", "value_low", "value_high", "difference", "low", "high",
  )  # fmt: skip
  rounded = {name: round(x, DIGITS) for name, x in zip(names, values)}
  counts = {"n": figure["n"], "seeds": 1}
  return {"metric": metric, "arm": arm, "baseline": baseline} | rounded | counts
