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

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments import cq_sid, rq_vae, ua_sid
from experiments.pipeline.from_data import with_fields
from experiments.pipeline.partners import taken_together
from experiments.studies import paired, plots, tables
from experiments.studies.record import Record, View
from experiments.studies.study import Study, run_study
from experiments.studies.ua_sid_ads import FIELDS, AdsWorld
from experiments.studies.ua_sid_paper import (
  BASELINE,
  CLAIMS,
  COLLIDES,
  GAP,
  METHOD,
  PARTNER,
  RAW,
  RIGHT_AD,
)
from experiments.studies.variant import Run, Variant
from experiments.studies.world import World, seeded
from gr_jax.artefacts import build, write_json
from gr_jax.data import swing
from gr_jax.data.requests import TEST
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import intervals
from gr_jax.text.encoder import unit_rows
from gr_jax.tokenizers import quality, rq_kmeans, rq_vae_training
from gr_jax.tokenizers import ua_sid as tokenizer
from gr_jax.tokenizers.collisions import COLLISIONS
from gr_jax.tokenizers.rq_vae import RqVae
from gr_jax.tokenizers.semantic_ids import SemanticIds

# What an arm's figures follow from; lists of arms and seeds are no part of it.
_SECTIONS = ("ads", "data", "vectors", "tokenizer", "rq_vae", "cq_sid")


def _silent(step: int, metrics: Mapping[str, float]) -> None:
  del step, metrics


def make_world(config: ConfigDict, name: str, workdir: pathlib.Path):
  """Made-up ads, or a log of purchases."""
  kind = AdsWorld if "ads" in config else World
  return kind(config, name, workdir)


# Codes of the ads that are known at the fit, and of those that come later.


def _hashed(run: Run, fields: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
  ads, config = run.world.ads, run.config.tokenizer
  read = ads.fields[:, [FIELDS.index(name) for name in fields]]
  fitted = tokenizer.fit(
    ads.vectors[: ads.known],
    read[: ads.known],
    config=tokenizer.UaSidConfig(
      tuple(config.levels), config.iterations, fields
    ),
    key=jax.random.key(run.seed),
  )
  later = fitted.tokenizer.encode(
    ads.vectors[ads.known :], fields=read[ads.known :]
  )
  return fitted.codes, later


def _clustered(run: Run) -> tuple[np.ndarray, np.ndarray]:
  ads, config = run.world.ads, run.config.tokenizer
  balanced = run.name.endswith("balanced")
  section = config.to_dict() | {"clusters": "balanced" if balanced else "plain"}
  found = rq_kmeans.fit(
    ads.vectors[: ads.known],
    config=rq_kmeans.RqKMeans.settings(section),
    key=jax.random.key(run.seed),
  )
  later = rq_kmeans.RqKMeans(found.codebooks).encode(ads.vectors[ads.known :])
  return np.asarray(found.codes), later


def _autoencoded(run: Run) -> tuple[np.ndarray, np.ndarray]:
  ads = run.world.ads
  section = seeded(run.config.rq_vae, run.seed)
  section.vae.levels = run.config.tokenizer.levels
  fitted, _ = rq_vae_training.fit(
    ads.vectors[: ads.known],
    config=RqVae.settings(section),
    key=jax.random.key(run.seed),
    progress=_silent,
  )
  codes = fitted.encode(ads.vectors)
  return codes[: ads.known], codes[ads.known :]


# Vectors of the ads of a log, from those that are given.


def _contrast(run: Run) -> np.ndarray:
  world = run.world
  section = seeded(run.config.tokenizer, run.seed)
  section = with_fields(section, world.data.catalogue)
  key = jax.random.key(run.seed)
  made, _ = ua_sid.contrast(
    section, world.data, world.vectors.items, key, _silent
  )
  if made is None:
    raise ValueError("no two ads are partners; take more users.")
  ads = _ads(world)
  given = ads.means(world.vectors.items)
  return made.encoder.encode(given, ads.rows[ads.first])


def _quantized_vectors(run: Run) -> np.ndarray:
  """Those that RQ-VAE or CQ-SID quantizes."""
  world, section = run.world, seeded(run.config[run.name], run.seed)
  fit = {"cq_sid": cq_sid.fit, "rq_vae": rq_vae.fit}[run.name]
  fitted = fit(section, world.data, world.vectors, _silent).tokenizer
  vae = fitted if isinstance(fitted, RqVae) else fitted.vae
  return np.asarray(vae.latents(_ads(world).means(world.vectors.items)))


def _given(run: Run) -> np.ndarray:
  return _ads(run.world).means(run.world.vectors.items)


def _ads(world: World) -> ua_sid.Ads:
  def make() -> ua_sid.Ads:
    section = with_fields(world.config.tokenizer, world.data.catalogue)
    return ua_sid.ads_of(section, world.data)

  return world.once("ads", make)


VARIANTS = {
  BASELINE: Variant("RQ-KMeans", make=_clustered),
  "rq_kmeans_balanced": Variant("RQ-KMeans, balanced", make=_clustered),
  "rq_vae_codes": Variant("RQ-VAE", make=_autoencoded),
  "by_owner": Variant(
    "UA-SID, hash by owner",
    make=functools.partial(_hashed, fields=FIELDS[1:]),
  ),
  "ua_sid": Variant("UA-SID", make=functools.partial(_hashed, fields=FIELDS)),
  RAW: Variant("the given vectors", make=_given),
  "rq_vae": Variant("RQ-VAE's vectors", make=_quantized_vectors),
  "cq_sid": Variant("CQ-SID's vectors", make=_quantized_vectors),
  "contrast": Variant("the contrast's vectors", make=_contrast),
}


def users(world: Any) -> dict[str, np.ndarray]:
  """Every ad stands for itself."""
  if isinstance(world, AdsWorld):
    return {"ad": np.arange(len(world.ads.vectors))}
  return {"partner": np.flatnonzero(partners(world).sizes)}


def partners(world: World) -> RowLists:
  """The partners of each ad in the test period."""

  def make() -> RowLists:
    ads, lists = _ads(world), taken_together(world.data.requests, split=TEST)
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


def method(record: Record) -> str:
  worlds = record.config["worlds"]
  made_up = [world for world in worlds.values() if "ads" in world]
  sizes = made_up[0]["ads"]
  levels = made_up[0]["tokenizer"]["levels"]
  return METHOD.format(
    ads=sizes["ads"],
    copies=sizes["copies"],
    levels=", ".join(map(str, levels)),
    noises=" or ".join(f"{world['ads']['noise']:g}" for world in made_up),
  )


def heading(view: View) -> str:
  found = view.facts
  kind, count = next(iter(found["requests"].items()))
  what = "ads" if kind == "ad" else "ads with a partner in the test period"
  return (
    f"## {view.title}\n\n{found['items']:,} items, {count:,} {what}; "
    f"{len(found['seeds'])} seeds."
  )


def id_table(view: View) -> str:
  """Collisions and the right ad, and how the IDs spread."""
  if "ids" not in view.facts:
    return ""
  metrics = (COLLIDES, RIGHT_AD)
  columns = {
    "ads per ID": "{items_per_id:.2f}",
    "IDs of all combinations": "{utilization:.2%}",
    "later ads that collide": "{later_collide:.1%}",
  }
  return (
    tables.baseline_table(
      view, BASELINE, metrics, ["collides", "right ad first"]
    )
    + "\n\n"
    + tables.fact_table(view, "ids", columns)
    + "\n\n"
    + tables.fact_table(view, "sizes", {"sizes differ by": "{spread:,.0f}"})
  )


def partner_table(view: View) -> str:
  """R@1 of partners beside the given vectors and CQ-SID's."""
  if "partners" not in view.facts:
    return ""
  chance = view.facts["partners"][RAW]["chance"]
  found = [
    f"Difference to *{view.labels[baseline]}*:\n\n"
    + tables.baseline_table(view, baseline, [PARTNER], ["recall@1"])
    for baseline in (RAW, "cq_sid")
    if baseline in view.measured
  ]
  return "\n\n".join([*found, f"By chance it is {chance:.2%}."])


def figure(record: Record) -> plots.Picture:
  """A panel per world and metric: distances to its baseline."""

  def lines(view: View, metric: str, baseline: str) -> list:
    arms = [arm for arm in view.measured if arm != baseline]
    rows = [view.find(metric, arm, baseline) for arm in arms]
    return [(view.labels[r["arm"]], {"": plots.points(r)}) for r in rows]

  panels = []
  for view in record.views():
    of_ads = (COLLIDES, BASELINE), (RIGHT_AD, BASELINE)
    shown = of_ads if "ids" in view.facts else ((PARTNER, RAW),)
    for metric, baseline in shown:
      draw = functools.partial(
        plots.intervals, lines=lines(view, metric, baseline)
      )
      title = f"{view.title}, {plots.spoken_metric(metric)}"
      above = f"points above {record.labels[baseline]}"
      panels.append(plots.Panel(title, draw, above))
  most = max(len(view.measured) for view in record.views())
  return plots.Picture(panels, columns=3, height=1.1 + 0.3 * most)


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
