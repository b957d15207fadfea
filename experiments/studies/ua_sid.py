"""UA-SID (arXiv 2602.22732): IDs that tell copies apart, vectors of partners.

Two questions that need no generator: how many ads have an ID of their own where
some show the same and differ in what a vector does not hold, and whether items
that are bought together are nearer in the vectors of the contrast.
"""

import functools
import json
import math
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.partners import taken_together
from experiments.studies import paired
from experiments.studies.study import Study, run_study
from experiments.studies.ua_sid_ads import AdsWorld
from experiments.studies.ua_sid_arms import VARIANTS, ads_of
from experiments.studies.ua_sid_page import (
  figure,
  heading,
  id_table,
  method,
  partner_table,
)
from experiments.studies.ua_sid_paper import (
  BASELINE,
  CLAIMS,
  COLLIDES,
  GAP,
  PARTNER,
  RAW,
  RIGHT_AD,
)
from experiments.studies.variant import Run
from experiments.studies.world import World
from gr_jax.artefacts import build, write_json
from gr_jax.data import swing
from gr_jax.data.requests import TEST
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import intervals
from gr_jax.text.encoder import unit_rows
from gr_jax.tokenizers import quality
from gr_jax.tokenizers.collisions import COLLISIONS
from gr_jax.tokenizers.semantic_ids import SemanticIds

# What an arm's figures follow from; lists of arms and seeds are no part of it.
_SECTIONS = ("ads", "data", "vectors", "tokenizer", "rq_vae", "cq_sid")


def make_world(config: ConfigDict, name: str, workdir: pathlib.Path):
  """Made-up ads, or a log of purchases."""
  kind = AdsWorld if "ads" in config else World
  return kind(config, name, workdir)


def users(world: Any) -> dict[str, np.ndarray]:
  """Every ad stands for itself."""
  if isinstance(world, AdsWorld):
    return {"ad": np.arange(len(world.ads.vectors))}
  return {"partner": np.flatnonzero(partners(world).sizes)}


def partners(world: World) -> RowLists:
  """The partners of each ad in the test period."""

  def make() -> RowLists:
    ads, lists = ads_of(world), taken_together(world.data.requests, split=TEST)
    found = swing.similarities(
      RowLists(lists.offsets, ads.of_item[lists.rows]),
      num_items=len(ads.first),
    )
    return RowLists(found.indptr.astype(np.int64), found.indices)

  return world.once("partners", make)


def measure(run: Run) -> paired.Columns:
  """The columns of an arm, made once."""
  in_ads = isinstance(run.world, AdsWorld)
  figures: Callable[[Run], tuple[paired.Columns, Mapping]] = (
    id_figures if in_ads else partner_figures
  )

  def make(directory: pathlib.Path) -> None:
    columns, notes = figures(run)
    np.savez_compressed(directory / "columns.npz", **columns)
    write_json(directory / "notes.json", notes)

  inputs = [] if in_ads else [run.world.vectors.artefact.fingerprint]
  config = run.config.to_dict()
  section = {name: config.get(name) for name in _SECTIONS}
  artefact = build(run.folder, "figures", section, inputs, make)
  run.world.count(artefact)
  notes = json.loads((artefact.directory / "notes.json").read_text())
  for table, found in notes.items():
    run.note(table, found)
  with np.load(artefact.directory / "columns.npz") as file:
    return dict(file)


def id_figures(run: Run) -> tuple[dict[str, np.ndarray], dict]:
  """Whether each ad's ID is its own, after the later ones have come."""
  known, later = run.variant.make(run)
  sizes = tuple(run.config.tokenizer.levels)
  before = SemanticIds(known, sizes)
  ids = COLLISIONS["clusters"].append(before, later)
  counts = np.diff(ids.item_offsets)[ids.id_of_item]
  columns = {
    COLLIDES: (counts > 1).astype(np.float32),
    RIGHT_AD: (1 / counts).astype(np.float32),
  }
  changed = (ids.codes[: len(known)] != known).any(axis=1)
  spread = [
    np.ptp(np.bincount(known[:, level], minlength=size))
    for level, size in enumerate(sizes[:-1])
  ]
  notes = {
    "ids": {
      "items_per_id": len(ids) / ids.num_ids,
      "utilization": ids.num_ids / math.prod(sizes),
      "later_collide": float(columns[COLLIDES][len(known) :].mean()),
    },
    "growth": {"changed": float(changed.mean())},
    "sizes": {"spread": int(max(spread))},
  }
  return columns, notes


def partner_figures(run: Run) -> tuple[dict[str, np.ndarray], dict]:
  """Whether the nearest other ad of each is a partner."""
  wanted = partners(run.world)
  rows = np.flatnonzero(wanted.sizes)
  near = quality.nearest_items(unit_rows(run.variant.make(run)), rows, count=1)[
    :, 0
  ]
  hits = [near[place] in wanted[row] for place, row in enumerate(rows)]
  chance = wanted.sizes[rows].mean() / (len(wanted) - 1)
  notes = {"partners": {"chance": float(chance), "ads": len(wanted)}}
  return {PARTNER: np.array(hits, np.float32)}, notes


def gap_rows(world: Any, found: paired.Found) -> list[dict]:
  """How far the interval of the contrast is above those of the others."""
  if isinstance(world, AdsWorld) or "contrast" not in found:
    return []
  groups = users(world)["partner"]

  def ends(name: str) -> tuple[float, float, int]:
    stacked = paired.stack(found[name], found[name], [PARTNER])
    one = intervals.resample(stacked, groups=groups).interval()
    return float(one.low[0]), float(one.high[0]), len(stacked)

  low, _, seeds = ends("contrast")
  rows = []
  for name in found:
    if name == "contrast":
      continue
    gap = low - ends(name)[1]
    rows.append({
      "metric": GAP, "arm": "contrast", "baseline": name, "value": gap,
      "difference": gap, "seeds": seeds, "n": len(groups),
    })  # fmt: skip
  return rows


STUDY = Study(
  name="ua_sid",
  title="What a hash of fields and a contrast do for IDs of ads",
  method=method,
  variants=lambda config: VARIANTS,
  needs=(),
  users=users,
  measure=measure,
  against=(BASELINE, RAW, "cq_sid"),
  tables=(heading, id_table, partner_table),
  figure=figure,
  headline=(COLLIDES, RIGHT_AD, PARTNER),
  claims=CLAIMS,
  finish=gap_rows,
  digits=6,
  world=make_world,
)
run = functools.partial(run_study, STUDY)
