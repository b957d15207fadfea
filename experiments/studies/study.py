"""A study is a value: variants of a system, compared request by request.

`run_study` owns what all studies share: worlds x seeds x variants, one artefact
per stage, paired intervals, tidy rows, and the files. A study of a new paper is
one file in this folder and one config with `experiment = "studies.NAME"`.
"""

import dataclasses
import importlib
import pathlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.studies import choices, claims, comparisons, paired, plots
from experiments.studies.record import (
  Record,
  View,
  without_folders,
  without_folders_in,
)
from experiments.studies.tables import (
  choices_table,
  how_to_read,
  is_share,
  made_by,
)
from experiments.studies.variant import Run, Variant
from experiments.studies.world import World
from gr_jax import provenance
from gr_jax.artefacts import locked
from gr_jax.atomic import write_text
from gr_jax.choices import choose
from gr_jax.parallel import hosts
from gr_jax.progress_bar import tracked

# Runs whose compiled programs are kept.
_RUNS_COMPILED = 8


@dataclasses.dataclass(frozen=True)
class Study:
  """A comparison and the files that it leaves.

  Attributes:
    name: The module in this folder.
    title: The heading of its page.
    method: The text of the page, from the record.
    variants: All variants that a config of the study can name.
    needs: Those without which nothing is compared.
    users: The user of every request that is measured, see `paired.rows`.
    measure: The columns of a variant and seed.
    against: The variants that all are compared with.
    pairs: Further comparisons, `(variant, baseline)`.
    tables: Blocks of Markdown of one world; "" is left out.
    figure: The panels of the picture, from the record.
    headline: The metrics that are printed on the way and spoken of the picture.
    claims: What the paper says of it, and the bars that it was given.
    finish: Called when a world was measured; returns further rows.
    digits: The decimals of stored figures; None keeps all.
    chosen_by: The metrics that choose settings, see `choices.choose`.
    world: Makes a world from its config, name and folder.
  """

  name: str
  title: str
  method: Callable[[Record], str]
  variants: Callable[[ConfigDict], Mapping[str, Variant]]
  needs: tuple[str, ...]
  users: Callable[[World], Mapping[str, np.ndarray]]
  measure: Callable[[Run], paired.Columns]
  against: Sequence[str]
  tables: Sequence[Callable[[View], str]]
  figure: Callable[[Record], plots.Picture]
  headline: Sequence[str]
  claims: Sequence[claims.Claim]
  pairs: Sequence[tuple[str, str]] = ()
  finish: Callable[[World, paired.Found], list[dict]] | None = None
  digits: int | None = None
  chosen_by: Sequence[str] = ()
  world: Callable[[ConfigDict, str, pathlib.Path], Any] = World


def load_study(name: str) -> Study:
  """The study that a record names."""
  return importlib.import_module(f"experiments.studies.{name}").STUDY


def run_study(
  study: Study, config: ConfigDict, workdir: pathlib.Path
) -> Record:
  """Runs what has not run yet and writes the files of `write_study`.

  Args:
    study: What is compared.
    config: Sections that the study's stages read; `variants`, `seeds`, and
      `worlds`, whose entries take the place of those of the config; `output`, a
      second folder for the files, or "".
    workdir: The folder of the run; it gets one folder per world.
  """
  configs = _worlds(config)
  variants = study.variants(config)
  choices.check(config, variants)
  for name, section in configs.items():
    check_variants(study, variants, section.variants, where=name)
  with locked(workdir):
    worlds, rows, seconds = {}, [], 0.0
    for name, section in configs.items():
      world = study.world(section, name, workdir / name)
      facts, found = _run_world(study, variants, world)
      worlds[name] = facts
      rows += [{"world": name, **row} for row in found]
      seconds += world.seconds
    seeds = sorted({k for facts in worlds.values() for k in facts["seeds"]})
    record = Record(
      study=study.name,
      labels={name: one.label for name, one in variants.items()},
      worlds=worlds,
      rows=comparisons.with_q(rows),
      origin=_origin(seeds, seconds),
      config=without_folders(config.to_dict() | {"output": ""}),
    )
    if hosts.is_first():
      write_study(record, study, [workdir, *filter(None, [config.output])])
  return record


def _origin(seeds: Sequence[int], seconds: float) -> dict[str, Any]:
  origin = provenance.origin()
  command = without_folders_in(origin["command"])
  took = {"seeds": seeds, "minutes": seconds / 60}
  return origin | {"command": command} | took


def check_variants(
  study: Study,
  variants: Mapping[str, Variant],
  names: Sequence[str],
  *,
  where: str,
) -> None:
  """Finds what cannot be compared before the first variant is made.

  Raises:
    ValueError: An unknown or repeated name, or nothing to compare.
  """
  for name in names:
    choose("variants", name, variants)
  lacking = [name for name in study.needs if name not in names]
  if lacking or len(set(names)) < len(names) or len(names) < 2:
    raise ValueError(
      f"variants of {where} is {tuple(names)}; give {', '.join(study.needs)} "
      "and at least one other, each once."
    )


def _worlds(config: ConfigDict) -> dict[str, ConfigDict]:
  """The config of every world; a study of one names it after its source."""
  shared = config.to_dict()
  worlds = shared.pop("worlds", None) or {config.data.source: {}}
  configs = {name: ConfigDict(shared) for name in worlds}
  for name, section in worlds.items():
    configs[name].update(section)
  return configs


def _run_world(
  study: Study, variants: Mapping[str, Variant], world: Any
) -> tuple[dict[str, Any], list[dict]]:
  """Measures all variants and seeds of a world."""
  names, users = list(world.config.variants), study.users(world)
  settings, chosen = choices.choose(
    world, {name: variants[name] for name in names}, study.measure,
    study.chosen_by,
  )  # fmt: skip
  # Seed by seed: a run that is cut off has whole comparisons.
  runs = [
    Run(world, name, variants[name], seed, settings.get(name, {}))
    for k, seed in enumerate(world.config.seeds)
    for name in names
    if k < variants[name].most_seeds(len(world.config.seeds))
  ]
  found: dict[str, dict[int, paired.Columns]] = {}
  bar = tracked(runs, world.name, unit="run")
  for place, run in enumerate(bar):
    if place and not place % _RUNS_COMPILED:
      # What is compiled stays in memory, of which the compiler has little.
      jax.clear_caches()
    start = time.perf_counter()
    columns = study.measure(run)
    if run.variant.measured:
      found.setdefault(run.name, {})[run.seed] = columns
      seconds = time.perf_counter() - start
      label = f"{world.name}, seed {run.seed}, {run.variant.label}"
      means = _means(columns, study.headline)
      print(f"{label}: {means} ({seconds:.0f} s)", flush=True)
  fixed = [name for name in names if variants[name].deterministic]
  pairs = _pairs(study, list(found))
  rows = list(
    paired.rows(found, users, pairs, deterministic=fixed, digits=study.digits)
  )
  rows += study.finish(world, found) if study.finish else []
  facts = {
    "variants": names,
    "seeds": sorted({run.seed for run in runs}),
    **world.sizes(),
    "requests": {kind: len(rows) for kind, rows in users.items()},
    "users": len(np.unique(np.concatenate(list(users.values())))),
    **world.facts(),
    **({"choices": chosen} if chosen else {}),
  }
  return facts, rows


def _pairs(study: Study, names: Sequence[str]) -> list[tuple[str, str]]:
  pairs = [(name, baseline) for baseline in study.against for name in names]
  return [p for p in (*pairs, *study.pairs) if set(p) <= set(names)]


def _means(columns: paired.Columns, metrics: Iterable[str]) -> str:
  """The metrics, shares in percent; those without a value are left out."""
  means = {
    name: np.nanmean(columns[name]) for name in metrics if name in columns
  }
  return ", ".join(
    plots.spoken_metric(name)
    + (f" {100 * mean:.1f} %" if is_share(name) else f" {mean:.3f}")
    for name, mean in means.items()
  )


def page(record: Record, study: Study) -> str:
  """The whole page of a study as Markdown."""
  blocks = [f"# {study.title}", study.method(record), how_to_read(record)]
  for view in record.views():
    tables = (*study.tables, choices_table)
    blocks += filter(None, [table(view) for table in tables])
  return "\n\n".join([*blocks, made_by(record)]) + "\n"


def write_study(
  record: Record, study: Study, folders: Iterable[str | pathlib.Path]
) -> None:
  """Writes table.md, table.json, plot.svg and claims.json; prints the page.

  Raises:
    ValueError: A figure is NaN or infinite, which JSON does not know.
  """
  print(write_files(record, study, folders)["table.md"])


def write_files(
  record: Record, study: Study, folders: Iterable[str | pathlib.Path]
) -> dict[str, str]:
  """Writes the files of `write_study` and returns their texts by name."""
  files = {
    "table.json": record.to_json(),
    "table.md": page(record, study),
    "plot.svg": plots.draw(record, study.figure(record), study.headline),
    "claims.json": claims.to_json(claims.decide(study.claims, record)),
  }
  for folder in map(pathlib.Path, folders):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
      write_text(folder / name, text)
    print(f"written: {folder / 'table.md'}")
  return files
