"""What pages, merged tokens and GRPO-SR bring (arXiv 2604.14878, section 4).

  point_wise        every clicked item of a page by itself, one shared prompt
  point_wise_alone  the same with a prompt of its own for every item (LC-Rec)
  page_wise         whole pages as one sequence
  page_wise_clicks  whole pages without what was only shown
  page_wise_tokens  whole pages, prompts of one position per code
  grpo              page_wise, then clipped GRPO with a KL term, gated reward
  grpo_sr           then GRPO-SR: gated, real clicks lifted and kept likely
  without_gate      then GRPO-SR whose reward is not gated
  tight_gate        then GRPO-SR whose gate is shut for more items

All generators have one budget of tokens (`token_budget`): the page-wise
variant's steps set it and the others take as many steps as use it up.

The preference model that judges the alignments has a blind spot: it holds that
one category is loved by all, a mistake that a policy finds and a gate of
relevance closes, and ShopWorld knows the truth.
"""

import functools

import numpy as np
from ml_collections import ConfigDict

from experiments import rq_kmeans
from experiments.genrec import gate_of
from experiments.pipeline.align import align
from experiments.pipeline.preference import fit_preference_model
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from experiments.studies import genrec_page, paired
from experiments.studies.blind_spot import truth, with_blind_spot
from experiments.studies.genrec_paper import CLAIMS
from experiments.studies.prefill import prefill_seconds
from experiments.studies.search_hits import id_hits, searcher
from experiments.studies.study import Study, run_study
from experiments.studies.token_budget import tokens_per_step
from experiments.studies.variant import Run, Variant
from experiments.studies.world import World, changed, seeded
from gr_jax.data.worlds import shop_config, shop_world
from gr_jax.rl.rewards.hybrid import gated_reward, lifted_reward, positives_of
from gr_jax.rl.rewards.items import ItemReward, mean_of_items, validity

CUTOFFS = (1, 10, 50)
KINDS = ("personalised", "next_basket")
INVALID = "hallucination"
REWARDS = ("learned_reward", "true_reward")


def _learns(
  label: str, task: str, prompts: str = "merge_items", **examples
) -> Variant:
  changes = {f"examples.{task}.{k}": x for k, x in examples.items()}
  generator = {"generator.task": task, "generator.prompt_encoder": prompts}
  return Variant(label, generator | changes)


GENERATORS = {
  "point_wise": _learns("point-wise", "point_wise"),
  "point_wise_alone": _learns(
    "point-wise, a prompt each", "point_wise", targets=1
  ),
  "page_wise": _learns("page-wise", "page_wise"),
  "page_wise_clicks": _learns(
    "page-wise, clicks only", "page_wise", max_exposures=0
  ),
  "page_wise_tokens": _learns(
    "page-wise, not merged", "page_wise", "flatten_items"
  ),
}
_GRPO = {"align.loss": "grpo", "align.nll_coef": 0.0}
_GRPO_SR = {"align.kl_coef": 0.0}
# Whether real clicks are lifted, and whether irrelevant items earn nothing.
ALIGNMENTS = {
  "grpo": Variant("GRPO", _GRPO, (False, True)),
  "grpo_sr": Variant("GRPO-SR", _GRPO_SR, (True, True)),
  "without_gate": Variant("GRPO-SR without gate", _GRPO_SR, (True, False)),
  "tight_gate": Variant(
    "GRPO-SR, gate at 0.8", _GRPO_SR | {"align.gate.quantile": 0.8},
    (True, True),
  ),
}  # fmt: skip
VARIANTS = GENERATORS | ALIGNMENTS


def _rows(source: World | Run) -> np.ndarray:
  """`[R]` rows of all requests, kind after kind."""
  return np.concatenate([one.rows for one in source.requests(KINDS)])


def users(world: World) -> dict[str, np.ndarray]:
  return {"": world.data.requests.user[_rows(world)]}


def measure(run: Run) -> paired.Columns:
  """Trains or aligns a generator, and searches it."""
  world = run.world
  make_ids = functools.partial(_tokenized, world, run.seed)
  tokenized = world.once(("ids", run.seed), make_ids)
  levels = list(tokenized.semantic_ids.level_sizes)
  world.note("ids", "rq_kmeans", {"level_sizes": levels})
  if run.name in GENERATORS:
    generator = _trained(world, run.name, run.seed, tokenized)
  else:
    generator = _aligned(run, tokenized)
  columns = run.columns(hits, generator, tokenized)
  top = columns.pop("top")
  for name, reward in _judge(world)[0].items():
    scored = mean_of_items(reward, tokenized.semantic_ids)
    columns[name] = scored(_rows(run), top).mean(axis=1)
  return columns


def _tokenized(world: World, seed: int) -> Tokenized:
  section = seeded(world.config.tokenizer, seed)
  return world.tokenize(section, world.folder(seed), rq_kmeans.fit)


def hits(
  run: Run, generator: TrainedGenerator, tokenized: Tokenized
) -> dict[str, np.ndarray]:
  """Hits at `CUTOFFS`, the invalid share, and `top [R, 10]`, rows of IDs.

  A hit is an ID that names a clicked item: point-wise search, whatever the
  generator learned. Invalid are those of an unconstrained beam that name
  nothing.
  """
  config, ids = run.config.evaluation, tokenized.semantic_ids
  search = searcher(generator, ids, batch_size=config.batch_size)
  parts = []
  for one in run.requests(KINDS):
    prompts, width = one.prompts(generator.writer), config.unconstrained_beam
    found = search(prompts, beam=max(CUTOFFS))
    any_codes = search(prompts, beam=width, decoding="unconstrained")
    hit = id_hits(found, one.targets, ids)
    part = {f"hit_rate@{k}": hit[:, :k].any(axis=1) for k in CUTOFFS}
    part |= {INVALID: (any_codes < 0).mean(axis=1), "top": found[:, :10]}
    parts.append(part)
  return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def _trained(
  world: World, name: str, seed: int, tokenized: Tokenized
) -> TrainedGenerator:
  """The generator of a variant, whose steps use up the budget."""

  def make() -> TrainedGenerator:
    section = generator_section(world, name, seed=seed)
    pages = generator_section(world, "page_wise", seed=seed)
    data, ids = world.data, tokenized.semantic_ids
    each = tokens_per_step(section, data, ids)
    budget = tokens_per_step(pages, data, ids) * section.loop.steps
    steps = max(1, round(budget / each))
    section.loop.update(steps=steps, checkpoint_every=steps)
    if seed == world.config.seeds[0]:
      world.note("budget", name, {"steps": steps, "tokens": each * steps})
    return world.train(section, world.folder(seed, name), tokenized)

  return world.once((name, seed), make)


def generator_section(world: World, name: str, *, seed: int) -> ConfigDict:
  """The generator section of a variant, with the steps of the page-wise one."""
  config = changed(world.config, VARIANTS[name].changes)
  section = config.generator.to_dict()
  examples = config.examples[section["task"]].to_dict()
  return ConfigDict(section | {"seed": seed, "examples": examples})


def _judge(world: World) -> tuple[dict[str, ItemReward], list[str]]:
  """The rewards to report, and fingerprints of what they were made from.

  Only worlds whose generators are aligned have a judge.
  """

  def make():
    config, data = world.config, world.data
    section = config.preference
    model = world.keep(
      fit_preference_model(section, world.workdir, data, world.vectors)
    )
    world.note("judge", "preference", model.quality)
    options = config.data.to_dict()
    del options["source"]
    seed = options.pop("seed")
    sizes = shop_config.ShopWorldConfig(**options)
    known = shop_world.generate(sizes, seed=seed)
    fooled = with_blind_spot(model.model, data.catalogue, **config.blind_spot)
    rewards = dict(zip(REWARDS, (fooled, truth(known))))
    inputs = [model.artefact.fingerprint, world.vectors.artefact.fingerprint]
    return rewards, inputs

  if not set(world.config.variants) & set(ALIGNMENTS):
    return {}, []
  return world.once("judge", make)


def _aligned(run: Run, tokenized: Tokenized) -> TrainedGenerator:
  """The page-wise generator of the seed after an alignment."""
  world, ids = run.world, tokenized.semantic_ids
  lifted, gated = run.variant.make
  section = seeded(run.config.align, run.seed)
  section.name = run.name
  # It decides the rewards, so it goes into the fingerprint.
  section.blind_spot = run.config.blind_spot
  rewards, inputs = _judge(world)
  gate = gate_of(section.gate, world.data, world.vectors) if gated else validity
  reward = gated_reward(rewards["learned_reward"], gate, ids)
  if lifted:
    reward = lifted_reward(reward, positives_of(world.data.requests, ids))
  pages = _trained(world, "page_wise", run.seed, tokenized)
  aligned = align(
    section, run.stages(tokenized, pages), reward=reward, inputs=inputs
  )  # fmt: skip
  return world.keep(aligned)


def note_prefill(world: World, found: paired.Found) -> list[dict]:
  """Notes how long prompts are read, merged and not, by the first seed's."""
  seed = world.config.seeds[0]
  tokenized = _tokenized(world, seed)
  generators = {
    name: _trained(world, name, seed, tokenized)
    for name in found
    if name in GENERATORS and name.startswith("page_wise")
  }
  rows = _rows(world)[: world.config.evaluation.batch_size]
  read = prefill_seconds(generators, rows, world.data.requests.query[rows])
  for name, figures in read.items():
    world.note("prefill", name, figures)
  return []


STUDY = Study(
  name="genrec",
  title="What pages, merged tokens and GRPO-SR bring",
  method=genrec_page.method,
  variants=lambda config: VARIANTS,
  needs=("page_wise",),
  users=users,
  measure=measure,
  against=(genrec_page.AGAINST,),
  pairs=genrec_page.PAIRS,
  tables=genrec_page.TABLES,
  figure=genrec_page.figure,
  headline=("hit_rate@10", INVALID),
  claims=CLAIMS,
  finish=note_prefill,
  chosen_by=("hit_rate@10", "hit_rate@1"),
)
run = functools.partial(run_study, STUDY)
