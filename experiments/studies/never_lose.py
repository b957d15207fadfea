"""One recipe on all data at hand: is it ever below a baseline?

A world is a data section; a run of it and a seed is the whole pipeline of the
recipe in a folder of its own. The first ten answers of every system give the
figures of single requests, whose differences are paired. The *best baseline* of
a metric is the one with the highest mean there: it is chosen after looking, in
favor of the baselines.
"""

import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.studies import comparisons, never_lose_page, paired
from experiments.studies.never_lose_boosted import ARMS, trees
from experiments.studies.never_lose_paper import (
  ALL,
  BEST,
  CLAIMS,
  PAIRS,
  RARE,
  verdicts,
)
from experiments.studies.never_lose_runs import (
  KEPT,
  MODEL,
  Answers,
  folder_of,
  run_once,
)
from experiments.studies.record import (
  Record,
  without_folders,
  without_folders_in,
)
from experiments.studies.study import Study, write_files
from gr_jax import provenance
from gr_jax.artefacts import locked
from gr_jax.choices import choose
from gr_jax.data import row_lists
from gr_jax.evaluation import metrics
from gr_jax.parallel import hosts

_METRICS = ("recall", "ndcg")
_DIGITS = 5

# Baselines that depend on a seed; of others one answer stands for all.
_SEEDED = (MODEL, "sasrec", *ARMS)


def run(config: ConfigDict, workdir: pathlib.Path) -> Record:
  """Runs the worlds that have not run yet, and writes the files of a study.

  They are written after every world, so what was cut off has those that are
  done. A world whose private folder is absent is left out with a line.

  Args:
    config: The `recipe`, the `sections` of all worlds, the names of the
      `worlds` that run, `data_root`, `boosted`, and `output`, a second folder
      for the files, or "".
    workdir: The folder of the run; it gets one folder per world.

  Raises:
    ValueError: An unknown world, or none of them has its data.
  """
  names = list(_with_data(config))
  if not names:
    raise ValueError(
      f"none of the worlds {', '.join(config.worlds)} has its data; name their "
      "folder with --config.data_root=DIR."
    )
  if config.boosted and any(config.sections[n].get("boosted") for n in names):
    trees()  # Says at once what is missing.
  folders = [workdir, *filter(None, [config.output])]
  worlds, rows = {}, []
  with locked(workdir):
    for name in names:
      facts, found = _run_world(config, name, workdir / name)
      worlds[name] = facts
      rows += [{"world": name, **row} for row in found]
      record = _record(config, worlds, rows)
      if hosts.is_first():
        write_files(record, STUDY, folders)
  return record


def _with_data(config: ConfigDict) -> Iterator[str]:
  for name in config.worlds:
    section = choose("worlds", name, config.sections)
    folder = folder_of(section, config.data_root)
    if folder is None or (config.data_root and folder.is_dir()):
      yield name
    else:
      print(f"{name} is left out: {folder} is no folder (data_root).")


def _run_world(
  config: ConfigDict, name: str, workdir: pathlib.Path
) -> tuple[dict[str, Any], list[dict]]:
  """The facts and rows of a world, over all of its seeds."""
  section = config.sections[name]
  found: dict[str, dict[int, paired.Columns]] = {}
  of_runs = []
  for seed in section.seeds:
    answers = run_once(config, section, workdir, seed=seed)
    columns = columns_of(answers)
    for system, some in columns.items():
      found.setdefault(system, {})[seed] = some
    of_runs.append(answers.facts)
    print(f"{name}, seed {seed}: {_said(columns)}", flush=True)
    # What is compiled stays in memory, of which the compiler has little.
    jax.clear_caches()
  users = {one.kind: one.users for one in answers.requests}
  rows = world_rows(found, users)
  systems = list(found)
  facts = {
    "variants": [MODEL, *(one for one in systems if one != MODEL), BEST],
    "seeds": list(section.seeds),
    "items": len(answers.data.catalogue),
    "requests": {kind: len(one) for kind, one in users.items()},
    "users": len(np.unique(np.concatenate(list(users.values())))),
    "run": {MODEL: _mean_facts(of_runs)},
    "rows": {MODEL: verdicts(rows)},
    "runs": [dict(one) for one in of_runs],
    "commits": sorted({c for one in of_runs for c in one["commits"]}),
  }
  return facts, rows


def columns_of(answers: Answers) -> dict[str, dict[str, np.ndarray]]:
  """`SYSTEM` to `KIND/SEEN/SEGMENT/METRIC` to figures `[R]`.

  Segments narrow the targets: *tail* are those bought fewer than ten times in
  the training period, *head* the others, *new* those that nobody bought. NaN
  where a request has no such target.
  """
  popularity = answers.data.catalogue.popularity
  segments = {
    "all": np.ones(len(popularity), bool),
    "head": popularity >= RARE,
    "tail": popularity < RARE,
    "new": popularity == 0,
  }
  found: dict[str, dict[str, np.ndarray]] = {}
  by_kind = {one.kind: one for one in answers.requests}
  for name, items in answers.items.items():
    kind, seen, system = name.split("/")
    one = by_kind[kind]
    relevant = one.relevant(one.hidden(seen))
    for segment, there in segments.items():
      wanted = row_lists.where(relevant, there[relevant.rows])
      figures = metrics.request_metrics(items, wanted, cutoffs=(KEPT,))
      for metric in _METRICS:
        column = figures[:, metrics.METRICS.index(metric), 0]
        key = f"{kind}/{seen}/{segment}/{metric}@{KEPT}"
        found.setdefault(system, {})[key] = column
  return found


def world_rows(
  found: Mapping[str, Mapping[int, paired.Columns]],
  users: Mapping[str, np.ndarray],
) -> list[dict]:
  """All systems, and the model beside each and beside the best of them."""
  systems = list(found)
  baselines = [one for one in systems if one not in (MODEL, *ARMS)]
  pairs = [(one, one) for one in systems]
  pairs += [(MODEL, one) for one in (*baselines, *ARMS) if one in found]
  pairs += [pair for pair in PAIRS if set(pair) <= set(found)]
  fixed = [one for one in systems if one not in _SEEDED]
  rows = list(
    paired.rows(found, users, pairs, deterministic=fixed, digits=_DIGITS)
  )
  return [*rows, *_beside_best(rows, baselines)]


def _beside_best(
  rows: Sequence[dict], baselines: Sequence[str]
) -> Iterator[dict]:
  """The rows of each metric's best baseline, under the name of `BEST`.

  They were compared already, under its own name: they have no p-value.
  """
  by_key = {(r["metric"], r["arm"], r["baseline"]): r for r in rows}
  for metric in dict.fromkeys(row["metric"] for row in rows):
    own = [
      by_key[metric, one, one]
      for one in baselines
      if (metric, one, one) in by_key
    ]
    if not own:
      continue
    best = max(own, key=lambda row: row["value"])
    name = best["arm"]
    yield best | {"arm": BEST, "baseline": BEST, "p": None, "best": name}
    beside = by_key.get((metric, MODEL, name))
    if beside is not None:
      yield beside | {"baseline": BEST, "p": None, "best": name}


def _mean_facts(of_runs: Sequence[Mapping]) -> dict[str, float]:
  names = ("parameters", "seconds", "minutes")
  return {
    name: float(np.mean([one[name] for one in of_runs])) for name in names
  }


def _said(columns: Mapping[str, Mapping[str, np.ndarray]]) -> str:
  """Recall of the model and the best baseline, of every kind."""
  parts = []
  for key, figures in columns[MODEL].items():
    # Without the seen items there may be no target at all.
    if key.endswith("/all/recall@10") and not np.isnan(figures).all():
      means = {
        system: float(np.nanmean(some[key]))
        for system, some in columns.items()
        if key in some and system not in (MODEL, *ARMS)
      }
      best = max(means, key=means.get)
      own = float(np.nanmean(figures))
      kind, seen, *_ = key.split("/")
      parts.append(f"{kind}, seen {seen}: {own:.4f}, {best} {means[best]:.4f}")
  return "; ".join(parts)


def _record(
  config: ConfigDict, worlds: Mapping[str, Mapping], rows: Sequence[dict]
) -> Record:
  systems = dict.fromkeys(
    name for facts in worlds.values() for name in facts["variants"]
  )
  labels = {name: name.replace("_", " ") for name in systems}
  seeds = sorted({k for facts in worlds.values() for k in facts["seeds"]})
  minutes = sum(
    one["minutes"] for facts in worlds.values() for one in facts["runs"]
  )
  origin = provenance.origin()
  command = without_folders_in(origin["command"])
  facts = dict(worlds) | {ALL: _all_worlds(worlds, rows)}
  return Record(
    study=STUDY.name,
    labels=labels,
    worlds=facts,
    rows=comparisons.with_q(rows),
    origin=origin | {"command": command, "seeds": seeds, "minutes": minutes},
    config=without_folders(config.to_dict() | {"output": "", "data_root": ""}),
  )


def _all_worlds(
  worlds: Mapping[str, Mapping], rows: Sequence[Mapping]
) -> dict[str, Any]:
  """The facts of all worlds together: how often the model is below or above."""
  sizes = [facts["run"][MODEL] for facts in worlds.values()]
  largest = {name: max(one[name] for one in sizes) for name in sizes[0]}
  return {
    "variants": [],
    "seeds": sorted({k for one in worlds.values() for k in one["seeds"]}),
    "requests": {},
    "rows": {MODEL: verdicts(rows)},
    "run": {MODEL: largest},
  }


STUDY = Study(
  name="never_lose",
  title="One recipe, all data: the model beside every baseline",
  method=never_lose_page.method,
  variants=lambda config: {},
  needs=(),
  users=lambda world: {},
  measure=lambda run: {},
  against=(),
  tables=never_lose_page.TABLES,
  figure=never_lose_page.figure,
  headline=(),
  claims=CLAIMS,
  digits=_DIGITS,
)
