"""What experts in the group do for alignment (arXiv 2605.14434, section 4).

One table of CQ-SID IDs per world and one trained generator per seed. All
variants start from that generator and take as many steps over the same
requests; a variant differs from K = 0 by its experts, by the divergence, or, in
the control, by having no rollouts at all.
"""

import functools
import itertools

import numpy as np
from ml_collections import ConfigDict

from experiments import cq_sid, eg_grpo
from experiments.pipeline.align import align
from experiments.pipeline.evaluator import SPLITS
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from experiments.studies import paired, plots, tables
from experiments.studies.cq_sid import tokenizer_section
from experiments.studies.eg_grpo_paper import CLAIMS, METHOD, METRICS, SFT
from experiments.studies.record import Record, View
from experiments.studies.search_hits import id_hits, searcher
from experiments.studies.study import Study, run_study
from experiments.studies.variant import Run, Variant
from experiments.studies.world import World, seeded
from gr_jax.data import request_lists, row_lists
from gr_jax.data.requests import Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.rl.prompts import clicked_requests
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.training.metric_writer import read_metrics

CONTROL = "sft_longer"
# What experts are compared with: a group of samples alone.
BASELINES = (SFT, "k0", "k0_free")
_BEAM = 10


def _k(label: str, clicked: int, exposed: int = 0, **changes) -> Variant:
  changes |= {"prompts.clicked": clicked, "prompts.exposed": exposed}
  return Variant(label, {f"align.{k}": x for k, x in changes.items()})


# One sample that nothing reads: a group cannot be empty.
_NO_ROLLOUTS = {
  "prompts.positives": 4, "group_size": 1, "policy": "unconstrained",
  "loss": "none", "kl_coef": 0.0, "nll_coef": 1.0,
}  # fmt: skip
VARIANTS = {
  SFT: Variant("SFT"),  # Not aligned at all.
  CONTROL: _k("SFT, as many further steps", 0, **_NO_ROLLOUTS),
  "k0": _k("K = 0 (GRPO)", 0),
  "k1": _k("K = 1: a click", 1),
  "k2": _k("K = 2: two clicks", 2),
  "k2_mixed": _k("K = 2: a click, an exposure", 1, 1),
  "k4": _k("K = 4: a click, three exposures", 1, 3),
  "k0_free": _k("K = 0, no KL", 0, kl_coef=0.0),
  "k1_free": _k("K = 1: a click, no KL", 1, kl_coef=0.0),
  "k2_free": _k("K = 2: two clicks, no KL", 2, kl_coef=0.0),
  "k2_append": _k("K = 2: two clicks, appended", 2, experts="append"),
}


def requests(world: World, split: str = "test") -> np.ndarray:
  """`[R]` rows of a period that led to a click, drawn by a seed."""
  rows = clicked_requests(world.data.requests, split=SPLITS[split])
  config = world.config.evaluation
  rng = np.random.default_rng(config.seed)
  return request_lists.sample(rows, count=config.requests, rng=rng)


def users(world: World) -> dict[str, np.ndarray]:
  return {"": world.data.requests.user[requests(world)]}


def measure(run: Run) -> paired.Columns:
  """Aligns the generator of a seed, if the variant does, and searches it."""
  tokenized, generator = before_alignment(run)
  if run.name != SFT:
    generator = aligned(run, tokenized, generator)
    rows = read_metrics(generator.artefact.directory / "metrics.jsonl")
    run.note("runs", run_figures(rows))
  return run.columns(hits, generator, tokenized)


def before_alignment(run: Run) -> tuple[Tokenized, TrainedGenerator]:
  """The IDs of the world and the generator of the seed, both shared."""
  world = run.world
  tokenized = world.once("ids", functools.partial(ids_of, world))
  world.note("ids", "cq_sid", {"ids": int(tokenized.semantic_ids.num_ids)})
  trained = functools.partial(generator_of, world, tokenized, run.seed)
  return tokenized, world.once(("trained", run.seed), trained)


def ids_of(world: World) -> Tokenized:
  """One table of IDs, shared by all seeds and variants of a world."""
  config = world.config.tokenizer
  section = tokenizer_section(
    world.config, category_depth=config.category_depth, data=world.data,
    seed=config.seed,
  )  # fmt: skip
  return world.tokenize(section, world.workdir, cq_sid.fit)


def generator_of(
  world: World, tokenized: Tokenized, seed: int
) -> TrainedGenerator:
  section = seeded(world.config.generator, seed)
  return world.train(section, world.folder(seed), tokenized)


def aligned(
  run: Run, tokenized: Tokenized, generator: TrainedGenerator
) -> TrainedGenerator:
  section, data = align_section(run), run.world.data
  reward = eg_grpo.page_reward(section, data, tokenized)
  aligned = align(section, run.stages(tokenized, generator), reward=reward)
  return run.world.keep(aligned)


def align_section(run: Run) -> ConfigDict:
  """Section align of a variant and seed; its name is in the fingerprint."""
  section = seeded(run.config.align, run.seed)
  section.name = f"{section.name} {run.name}"
  return section


def hits(
  run: Run, generator: TrainedGenerator, tokenized: Tokenized
) -> dict[str, np.ndarray]:
  """`hit_columns` of requests with their history and, if any, their query."""
  rows, found = found_ids(run, generator, tokenized, beam=_BEAM)
  log = run.world.data.requests
  return hit_columns(found, log, rows, tokenized.semantic_ids)


def found_ids(
  run: Run, generator: TrainedGenerator, tokenized: Tokenized, *, beam: int
) -> tuple[np.ndarray, np.ndarray]:
  """Requests `[R]` of the period, and the IDs `[R, beam]` found for them."""
  rows = requests(run.world, run.split or "test")
  log = run.world.data.requests
  prompts = (
    generator.writer.prompts(rows, shown=np.ones(len(rows), bool)),
    generator.writer.queries(log.query[rows]),
  )
  ids, size = tokenized.semantic_ids, run.config.evaluation.batch_size
  search = searcher(generator, ids, batch_size=size)
  return rows, search(prompts, beam=beam)


def hit_columns(
  ids: np.ndarray, log: Requests, rows: np.ndarray, semantic_ids: SemanticIds
) -> dict[str, np.ndarray]:
  """Hits `[R]` bool of ID rows `[R, 10]`.

  A click is hit where one of the first ten (or the first) names an item that
  was clicked or ordered, an exposure where one of the ten names an item of the
  page, whatever became of it.
  """
  clicks = id_hits(ids, request_lists.targets(log, rows), semantic_ids)
  shown = id_hits(ids, pages(log, rows), semantic_ids)
  columns = (clicks[:, 0], clicks.any(axis=1), shown.any(axis=1))
  return dict(zip(METRICS, columns))


def pages(log: Requests, rows: np.ndarray) -> RowLists:
  """The distinct items of each page."""
  whole = row_lists.from_spans(
    log.page_item, log.page_offsets[rows], log.page_offsets[rows + 1]
  )
  return row_lists.distinct(whole)


def run_figures(rows) -> dict[str, float]:
  """Medians of one alignment, and its first and last reward and KL."""
  found = {}
  for name in ("equal_groups", "rollout_seconds", "update_seconds"):
    key = f"align/{name}"
    found[name] = float(np.median([row[key] for row in rows if key in row]))
  for name in ("reward", "kl"):
    values = [row[f"align/{name}"] for row in rows if f"align/{name}" in row]
    if values:
      found |= {f"{name}_first": values[0], f"{name}_last": values[-1]}
  return found


def method(record: Record) -> str:
  section = record.config["align"]
  return METHOD.format(
    steps=section["loop"]["steps"],
    batch=section["prompts"]["batch_size"],
    group=section["group_size"],
  )


def heading(view: View) -> str:
  ids = f"{view.facts['ids']['cq_sid']['ids']:,.0f} IDs"
  return tables.world_heading(view, ids)


def hit_tables(view: View) -> str:
  """Hit rates of all arms and their differences to each baseline."""
  return "\n\n".join(
    f"Difference to {view.labels[baseline]}:\n\n"
    + tables.baseline_table(view, baseline, METRICS, METRICS, digits=2)
    for baseline in BASELINES
    if baseline in view.measured
  )


def run_table(view: View) -> str:
  """How the alignments themselves went."""
  columns = {
    "groups with equal rewards": "{equal_groups:.1%}",
    "reward": "{reward_first:.3f} to {reward_last:.3f}",
    "KL a token": "{kl_last:.4f}",
  }
  # The control has one sample a group, which is no comparison.
  names = [name for name in view.facts["runs"] if name != CONTROL]
  return (
    "While aligning, means over the seeds; reward and KL of the first and the "
    "last row of the log:\n\n" + tables.fact_table(view, "runs", columns, names)
  )


def figure(record: Record) -> plots.Picture:
  """A row of panels per world, one a metric: distances to SFT."""

  def lines(view: View, metric: str) -> list:
    rows = [view.find(metric, a, SFT) for a in view.measured if a != SFT]
    return [(view.labels[r["arm"]], {"": plots.points(r)}) for r in rows]

  panels, above = [], f"points above {record.labels[SFT]}"
  for view, metric in itertools.product(record.views(), METRICS):
    draw = functools.partial(plots.intervals, lines=lines(view, metric))
    panels.append(plots.Panel(f"{view.title}, {metric}", draw, above))
  height = 1.1 + 0.27 * len(record.labels)
  return plots.Picture(panels, columns=len(METRICS), height=height)


STUDY = Study(
  name="eg_grpo",
  title="What experts do for alignment",
  method=method,
  variants=lambda config: VARIANTS,
  needs=(SFT, "k0"),
  users=users,
  measure=measure,
  against=BASELINES,
  pairs=(("k2_append", "k2"),),
  tables=(heading, hit_tables, run_table),
  figure=figure,
  headline=("click@1", "click@10"),
  claims=CLAIMS,
  chosen_by=("click@10", "click@1"),
)
run = functools.partial(run_study, STUDY)
