"""What categories and queries do for semantic IDs (arXiv 2605.14434).

                 | no queries (gamma = 0)    | queries (InfoNCE)
  ---------------+---------------------------+------------------------
  no categories  | RQ-VAE                    | CQ-SID without category
  categories     | CQ-SID without InfoNCE    | CQ-SID

All four have the same encoder, steps, batch, commitment weight, codebook rule
(running means with restart) and number of codes per level, so that a variant
differs from its neighbour in the table by one thing. `rq_vae_gradient` is the
RQ-VAE of `configs/rq_vae.py`, for those who ask whether the rule handicaps it.
"""

import functools
import itertools

import numpy as np
from ml_collections import ConfigDict

from experiments import cq_sid, rq_vae
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from experiments.studies import paired, plots, tables
from experiments.studies.claims import value
from experiments.studies.cq_sid_paper import BASELINE, CLAIMS, METHOD
from experiments.studies.record import Record, View
from experiments.studies.retrieval_figures import id_figures
from experiments.studies.search_hits import id_hits, searcher
from experiments.studies.study import Study, run_study
from experiments.studies.variant import Run, Variant
from experiments.studies.world import World, seeded
from gr_jax.evaluation import metrics
from gr_jax.evaluation.report import svg
from gr_jax.evaluation.report.text_table import markdown
from gr_jax.retrieval.items_of_ids import expand_items
from gr_jax.tokenizers.cq_sid import CqSid
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.tokenizers.tokenizer import FitResult

KINDS = ("semantic", "personalised")
LEVELS = ("id", "item")


def fit_rq_vae(
  config: ConfigDict, data: Data, vectors: Vectors, progress
) -> FitResult:
  """Fits an RQ-VAE with the codebook rule of CQ-SID."""
  del data
  return rq_vae.fit_items(
    CqSid.settings(config).vae, vectors, seed=config.seed, progress=progress
  )


_PLAIN = {"tokenizer.name": "rq_vae"}
VARIANTS = {
  BASELINE: Variant("RQ-VAE", _PLAIN, fit_rq_vae),
  "without_category": Variant(
    "CQ-SID without category", {"tokenizer.category_depth": 0}, cq_sid.fit
  ),
  "without_infonce": Variant(
    "CQ-SID without InfoNCE", {"tokenizer.contrast.gamma": 0.0}, cq_sid.fit
  ),
  "cq_sid": Variant("CQ-SID", make=cq_sid.fit),
  "rq_vae_gradient": Variant(
    "RQ-VAE, codebooks by gradient",
    _PLAIN | {"tokenizer.vae.beta": 0.25},
    rq_vae.fit,
  ),
}


def tokenizer_section(
  config: ConfigDict, *, category_depth: int, data: Data, seed: int
) -> ConfigDict:
  """The tokenizer section of a variant and seed.

  In every variant the first level has as many codes as there are categories at
  `category_depth`: more would be a larger vocabulary, not a better tokenizer.
  The config has the sizes of the levels below.

  Raises:
    ValueError: The catalogue has no categories.
  """
  _, count = cq_sid.categories_at(data, category_depth)
  if not count:
    raise ValueError(
      "the catalogue has no categories; the study needs some, at a depth from "
      f"1 on (category_depth is {category_depth})."
    )
  section = seeded(config.tokenizer, seed)
  section.vae.levels = (count, *section.vae.levels)
  return section


def users(world: World) -> dict[str, np.ndarray]:
  beams = world.config.evaluation.beams
  if list(beams) != sorted(set(beams)):
    raise ValueError(f"evaluation.beams is {beams}; give rising widths.")
  return {one.kind: one.users for one in world.requests(KINDS)}


def measure(run: Run) -> paired.Columns:
  """Trains a tokenizer and a generator, and searches it."""
  world, config = run.world, run.config
  depth = world.config.tokenizer.category_depth
  section = tokenizer_section(
    config, category_depth=depth, data=world.data, seed=run.seed
  )
  tokenized = world.tokenize(section, run.folder, run.variant.make)
  popularity = world.data.catalogue.popularity
  world.note("ids", run.name, id_figures(tokenized.semantic_ids, popularity))
  section = seeded(config.generator, run.seed)
  generator = world.train(section, run.folder, tokenized)
  return run.columns(hits, generator, tokenized)


def hits(
  run: Run, generator: TrainedGenerator, tokenized: Tokenized
) -> dict[str, np.ndarray]:
  """Hits `[R]` of a clicked item at several beam widths.

  Every width is a search of its own: the first ten of a beam of 100 are better
  than a beam of 10, and would flatter what a narrow search gives. At the level
  of IDs a request is hit where one of the `b` IDs of a beam of `b` names a
  clicked item. At the level of items the IDs give way to their items, the most
  popular of an ID first, and the first `b` of them count: equally many answers
  for every variant. `named` is how many items the IDs of the beam name,
  `popular` hits of the `b` most popular IDs: what no model is needed for.
  """
  config, ids = run.config.evaluation, tokenized.semantic_ids
  popularity = run.world.data.catalogue.popularity
  search = searcher(generator, ids, batch_size=config.batch_size)
  popular = popular_ids(ids, popularity)
  sizes = np.append(np.diff(ids.item_offsets), 0)
  columns = {}
  for one in run.requests(KINDS):
    prompts, targets = one.prompts(generator.writer), one.targets
    found = {}
    for beam in config.beams:
      named = search(prompts, beam=beam)
      items = expand_items(named, ids, popularity, k=beam)
      top = np.broadcast_to(popular[:beam], (len(named), len(popular[:beam])))
      found |= {
        f"id/hit_rate@{beam}": id_hits(named, targets, ids).any(axis=1),
        f"item/hit_rate@{beam}": metrics.hit_matrix(items, targets).any(axis=1),
        f"id/named@{beam}": sizes[named].sum(axis=1),
        f"id/popular@{beam}": id_hits(top, targets, ids).any(axis=1),
      }
    columns |= {f"{one.kind}/{name}": found[name] for name in sorted(found)}
  return columns


def popular_ids(semantic_ids: SemanticIds, popularity: np.ndarray):
  """ID rows `[M]` by the training clicks of all their items."""
  clicks = np.bincount(
    semantic_ids.id_of_item, popularity, minlength=semantic_ids.num_ids
  )
  return np.argsort(-clicks, kind="stable")


def width_rows(world: World, found: paired.Found) -> list[dict]:
  """Rows of the beam that equals the baseline's widest; None is wider."""
  beams, rows, own = world.config.evaluation.beams, [], users(world)
  for kind, level, name in itertools.product(own, LEVELS, found):
    key = f"{kind}/{level}"
    metrics = [f"{key}/hit_rate@{beam}" for beam in beams]
    curve, baseline = (
      paired.stack(found[arm], found[arm], metrics) for arm in (name, BASELINE)
    )
    width = paired.equal_width(curve, baseline, own[kind], beams=beams)
    ends = [x if np.isfinite(x) else None for x in width]
    rows.append({
      "metric": f"{key}/equal_beam", "arm": name, "baseline": BASELINE,
      **dict(zip(("value", "value_low", "value_high"), ends)),
      "seeds": len(curve), "n": len(own[kind]),
    })  # fmt: skip
  return rows


def method(record: Record) -> str:
  widest = max(record.config["evaluation"]["beams"])
  return METHOD.format(baseline=record.labels[BASELINE], widest=widest)


def heading(view: View) -> str:
  levels = view.facts["ids"][BASELINE]["level_sizes"]
  return tables.world_heading(view, levels=levels)


def id_tables(view: View) -> str:
  """How crowded the IDs are and what that alone is worth."""
  columns = {
    "distinct IDs": "{ids:,.0f}",
    "items per ID": "{items_per_id:.2f}",
    "at an item's ID": "{items_at_an_items_id:.1f}",
    "largest": "{largest:.0f}",
  }
  widest, lines = max(view.config["evaluation"]["beams"]), []
  for name in view.measured:
    keys = [f"{kind}/id/named@{widest}" for kind in KINDS]
    items = np.mean([view.find(k, name, BASELINE)["value"] for k in keys])
    hits = view.find(f"{KINDS[0]}/id/popular@{widest}", name, BASELINE)
    cells = f"{items:.0f}", f"{100 * hits['value']:.1f}"
    lines.append([view.labels[name], *cells])
  named = f"items named by beam {widest}"
  head = ["arm", named, f"most popular {widest} IDs hit"]
  crowding = tables.fact_table(view, "ids", columns)
  return f"{crowding}\n\n{markdown([head, *lines])}"


def hit_table(view: View) -> str:
  """Hit rates and differences of all arms, both kinds and both levels."""
  widest = max(view.config["evaluation"]["beams"])
  lines = [
    ([f"{kind}, {level}", view.labels[a]], a, BASELINE, f"{kind}/{level}/")
    for kind, level, a in itertools.product(KINDS, LEVELS, view.measured)
  ]
  beams = view.config["table_beams"]
  metrics = [f"hit_rate@{beam}" for beam in beams]
  found = tables.difference_lines(view, lines, metrics)
  for cells, (_, arm, _, prefix) in zip(found, lines):
    width = value(view.find(f"{prefix}equal_beam", arm, BASELINE))
    middle, *ends = (f"> {widest}" if x is None else f"{x:.0f}" for x in width)
    cells.append(middle if arm == BASELINE else f"{middle} [{', '.join(ends)}]")
  head = ["requests, level", "arm", *[f"beam {beam}" for beam in beams]]
  return markdown([[*head, f"equal to {widest}"], *found])


def figure(record: Record) -> plots.Picture:
  """A row of panels per world; in each a line and its band per variant."""
  beams = record.config["evaluation"]["beams"]
  arms = record.views()[0].measured[1:]

  def draw(view: View, key: str, axis) -> None:
    metrics = {beam: f"{key}/hit_rate@{beam}" for beam in beams}
    plots.curves(axis, view, metrics, arms, BASELINE)
    axis.axhline(0, color=svg.MUTED, linewidth=1.2)
    axis.set_xticks(beams, [f"{beam:,}" for beam in beams])

  above = f"points above {record.labels[BASELINE]}"
  panels = []
  for view, kind, level in itertools.product(record.views(), KINDS, LEVELS):
    one = functools.partial(draw, view, f"{kind}/{level}")
    title = f"{view.title}\n{kind}, {level}s"
    panels.append(plots.Panel(title, one, "beam width", above))
  labels = [record.labels[name] for name in arms]
  return plots.Picture(panels, columns=4, height=2.9, legend=labels)


STUDY = Study(
  name="cq_sid",
  title="What categories and queries do for semantic IDs",
  method=method,
  variants=lambda config: VARIANTS,
  needs=(BASELINE,),
  users=users,
  measure=measure,
  against=(BASELINE,),
  pairs=(("cq_sid", "without_category"), ("cq_sid", "without_infonce")),
  tables=(heading, id_tables, hit_table),
  figure=figure,
  headline=("semantic/id/hit_rate@10", "semantic/item/hit_rate@10"),
  claims=CLAIMS,
  finish=width_rows,
)
run = functools.partial(run_study, STUDY)
