"""GR4AD's ladder, arm by arm, where revenue is exact (arXiv 2602.22732).

What is compared stands in `gr4ad_arms`. In the world of ads all of it is paid
what the truth says; on the purchases an answer earns what its items were bought
for.
"""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from experiments import gr4ad, rq_kmeans, ua_sid
from experiments.pipeline.align import align
from experiments.pipeline.preference import fit_preference_model
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from experiments.studies import gr4ad_page, paired
from experiments.studies.gr4ad_arms import (
  ALIGNED,
  BASE,
  BEAMS,
  BY_CODES,
  GENERATORS,
  VARIANTS,
  WRONG,
)
from experiments.studies.gr4ad_paper import CLAIMS
from experiments.studies.gr4ad_worth import (
  calibration_error,
  ndcg,
  worth_of,
)
from experiments.studies.search_hits import searcher
from experiments.studies.study import Study, run_study
from experiments.studies.variant import Run
from experiments.studies.world import World, seeded
from gr_jax.evaluation import metrics
from gr_jax.retrieval.items_of_ids import expand_items
from gr_jax.rl.objective import AlignmentConfig

KINDS = ("personalised", "next_basket")
CUTOFF = 10
_HEAD = 0.1  # Of all items, the most popular.


def _rows(source: World | Run) -> np.ndarray:
  """`[R]` rows of all requests, kind after kind."""
  there = [one.rows for one in source.requests(KINDS)]
  return np.concatenate(there)


def users(world: World) -> dict[str, np.ndarray]:
  return {"": world.data.requests.user[_rows(world)]}


def measure(run: Run) -> paired.Columns:
  """Trains, aligns or searches; see the variants."""
  tokenized = tokenized_of(run)
  first = BY_CODES.get(run.name, BASE)
  generator = generator_of(
    run, run.name if run.name in GENERATORS else first, tokenized
  )
  if run.name in ALIGNED:
    generator = aligned(run, generator, tokenized)
  if run.name in BY_CODES:
    generator = by_codes(generator)
  elif "values" in generator.params and run.name not in BEAMS:
    figures = calibration_error(run.world, generator, tokenized, _rows(run))
    run.note("values", figures)
  return run.columns(answers, generator, tokenized)


def tokenized_of(run: Run) -> Tokenized:
  """The IDs, one table of each kind for all seeds."""
  world, plain = run.world, run.variant.make == "rq_kmeans"

  def make() -> Tokenized:
    if plain:
      section, fit = world.config.rq_kmeans, rq_kmeans.fit
    else:
      section, fit = world.config.tokenizer, ua_sid.fit
    folder = world.workdir / ("rq_kmeans" if plain else "ua_sid")
    found = world.tokenize(section, folder, fit)
    ids = found.semantic_ids
    figures = {"ids": ids.num_ids, "level_sizes": list(ids.level_sizes)}
    world.note("ids", folder.name, figures)
    return found

  return world.once(("ids", plain), make)


def generator_of(run: Run, name: str, tokenized: Tokenized) -> TrainedGenerator:
  """A trained generator of the seed, shared by what starts from it."""
  world = run.world
  plain = Run(world, name, VARIANTS[name], run.seed)

  def make() -> TrainedGenerator:
    section = seeded(plain.config.generator, run.seed)
    return world.train(section, world.folder(run.seed, name), tokenized)

  return world.once((name, run.seed), make)


def by_codes(generator: TrainedGenerator) -> TrainedGenerator:
  """The generator whose values rank nothing."""
  values = generator.params["values"] | {"rerank": np.float32(0)}
  params = generator.params | {"values": values}
  return dataclasses.replace(generator, params=params)


def aligned(
  run: Run, generator: TrainedGenerator, tokenized: Tokenized
) -> TrainedGenerator:
  world = run.world

  def judge():
    return world.keep(
      fit_preference_model(
        world.config.preference, world.workdir, world.data, world.vectors
      )
    )

  model = world.once("judge", judge)
  world.note("judge", "preference", model.quality)
  section = seeded(run.config.align, run.seed)
  section.name = run.name
  change = misread if run.variant.make == WRONG else lambda aim: aim
  return world.keep(
    align(
      section,
      run.stages(tokenized, generator),
      reward=gr4ad.reward_of(model.model, world.data, tokenized),
      inputs=[model.artefact.fingerprint],
      change=change,
    )
  )


def misread(aim: AlignmentConfig) -> AlignmentConfig:
  """The objective where two of five requests have each other's reference."""
  return dataclasses.replace(aim, reference_reads=exchange_prompts)


def exchange_prompts(samples: Any) -> Any:
  """Of ten rows the first four read the prompt of the row beside them."""
  rows = np.arange(len(samples.queries))
  pairs = rows ^ 1
  wrong = (rows % 10 < 4) & (pairs < len(rows))
  read = np.where(wrong, pairs, rows)
  prompt = jax.tree.map(lambda x: x[read], samples.prompt)
  return samples.replace(prompt=prompt, queries=samples.queries[read])


def answers(
  run: Run, generator: TrainedGenerator, tokenized: Tokenized
) -> dict[str, np.ndarray]:
  """What the first ten items of every request earn, and which they are."""
  world, ids, config = run.world, tokenized.semantic_ids, run.config.evaluation
  search = searcher(generator, ids, batch_size=config.batch_size)
  beam = config.beam if isinstance(config.beam, int) else tuple(config.beam)
  popularity = world.data.catalogue.popularity
  head = np.argsort(-popularity, kind="stable")[: int(_HEAD * len(popularity))]
  parts = []
  for one in run.requests(KINDS):
    found = search(one.prompts(generator.writer), beam=beam)
    items = expand_items(found, ids, popularity, k=CUTOFF)
    earned, best = worth_of(world, one.rows, items, cutoff=CUTOFF)
    hits = metrics.hit_matrix(items, one.targets).any(axis=1)
    columns = (
      earned.sum(axis=1),
      ndcg(earned[:, :5], best[:, :5]),
      ndcg(earned, best),
      hits,
      np.isin(items, head).mean(axis=1),
      best.sum(axis=1),
    )
    parts.append(dict(zip((*gr4ad_page.METRICS, "most"), columns)))
  found = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
  found["revenue@10"] = found["revenue@10"] / found.pop("most").mean()
  return found


STUDY = Study(
  name="gr4ad",
  title="GR4AD arm by arm",
  method=gr4ad_page.method,
  variants=lambda config: VARIANTS,
  needs=("lazy_6",),
  users=users,
  measure=measure,
  against=gr4ad_page.AGAINST,
  pairs=gr4ad_page.PAIRS,
  tables=gr4ad_page.TABLES,
  figure=gr4ad_page.figure,
  headline=("revenue@10", "hit_rate@10"),
  claims=CLAIMS,
  chosen_by=("revenue@10",),
)
run = functools.partial(run_study, STUDY)
