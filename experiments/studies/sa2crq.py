"""What IDs that end early, and codebooks for the tail, bring (SA2CRQ).

Every tokenizer of the paper's table 1 and three controls get the same
generator, steps and beam; what they find is compared request by request with
TIGER. The splits of table 2 are only tokenized.

Short IDs that many items share are half of what SARQ makes: the RQ-VAE of two
levels is short without its rule, that of three shares IDs without being short.
TIGER with a wider beam names as many items as the short IDs do.
"""

import dataclasses
import functools

import numpy as np
from ml_collections import ConfigDict

from experiments import dsi, rq_kmeans, rq_vae, sa2crq
from experiments.pipeline.dual_encoder import train_dual_encoder
from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from experiments.studies import paired, sa2crq_page
from experiments.studies import retrieval_figures as figures
from experiments.studies.sa2crq_paper import CLAIMS
from experiments.studies.search_hits import DECODINGS, searcher
from experiments.studies.study import Study, run_study
from experiments.studies.variant import Run, Variant
from experiments.studies.world import World, changed, seeded
from gr_jax.evaluation.baselines import bm25

TOKENIZERS = {
  "dsi": dsi.fit,
  "rq_kmeans": rq_kmeans.fit,
  "rq_vae": rq_vae.fit,
  "sa2crq": sa2crq.fit,
}
TAUS = (5, 10, 20)


def _variant(label: str, tokenizer: str, generator=(), **changes) -> Variant:
  """A tokenizer and what its section, or the generator's, has otherwise."""
  paths = {f"tokenizers.{tokenizer}.{k}": x for k, x in changes.items()}
  paths |= {f"generator.{k}": x for k, x in dict(generator).items()}
  once = 1 if tokenizer == "dsi" else None
  return Variant(label, paths, tokenizer, seeds=once)


def variants(config: ConfigDict) -> dict[str, Variant]:
  """Table 1 of the paper, three controls, and the splits of table 2."""
  codes = config.tokenizers.rq_vae.vae.levels[-1]
  t5 = {"network": "encoder_decoder"}
  adapted = {"network": "nci", "adaptor_layers": 1}
  clusters = {"collisions": "clusters"}
  one_phase = {
    "head_share": 1.0, "head_levels": (codes,) * 3, "tail_steps": 0,
  }  # fmt: skip
  wide = config.evaluation.wide_beam
  found = {
    "bm25": Variant("BM25", deterministic=True),
    "dpr": Variant("DPR"),
    "dsi": _variant("DSI", "dsi", t5),
    "nci": _variant("NCI", "dsi", adapted, branches=30, leaf=30),
    "rq_kmeans": _variant("RQ-KMeans", "rq_kmeans", **clusters),
    "tiger": _variant("TIGER", "rq_vae"),
    # The generator of TIGER.
    "tiger_wide": Variant(f"TIGER, beam of {wide}", {"evaluation.beam": wide}),
    "rq_vae": _variant("RQ-VAE, no suffix", "rq_vae", **clusters),
    "rq_vae_2": _variant(
      "RQ-VAE of two levels", "rq_vae",
      **clusters | {"vae.levels": (codes,) * 2},
    ),
    "acrq": _variant("ACRQ", "sa2crq", tau_items=(0.0, 0.0)),
  }  # fmt: skip
  for label, changes in (("SARQ", one_phase), ("SA2CRQ", {})):
    for tau in TAUS:
      budget = {"tau_items": (float(tau), float(tau))}
      one = _variant(f"{label}, {tau} items", "sa2crq", **budget | changes)
      found[f"{label.lower()}_{tau}"] = one
  for name, parts in (("whole", (1, 1)), ("quarter", (4, 2)),
                      ("eighth", (8, 8)), ("half", (2, 2))):  # fmt: skip
    levels = (*[codes // part for part in parts], codes)
    one = _variant(str(list(levels)), "sa2crq", head_levels=levels)
    found[name] = dataclasses.replace(one, measured=False)
  return found


def requests(source: World | Run) -> list[EvalRequests]:
  """The requests of every kind, of the study or of what is tried.

  Raises:
    ValueError: A kind that the period does not have.
  """
  kinds = source.config.evaluation.kinds
  drawn = source.requests(kinds)
  missing = [kind for kind in kinds if kind not in [one.kind for one in drawn]]
  if missing:
    raise ValueError(
      f"evaluation.kinds has {missing[0]!r}, of which the period has none "
      f"with a click; there are: {', '.join(one.kind for one in drawn)}."
    )
  return drawn


def users(world: World) -> dict[str, np.ndarray]:
  return {one.kind: one.users for one in requests(world)}


def measure(run: Run) -> paired.Columns:
  """Makes a variant and searches it; a split is only tokenized."""
  if not run.variant.measured:
    _tokenized(run.world, run.name, run.seed)
    return {}
  ask = {"bm25": _bm25, "dpr": _dpr}.get(run.name, _generated)
  return ask(run)


def _tokenized(world: World, name: str, seed: int) -> Tokenized:
  variant = variants(world.config)[name]
  sections = changed(world.config, variant.changes).tokenizers
  section, fit = seeded(sections[variant.make], seed), TOKENIZERS[variant.make]
  tokenized = world.tokenize(section, world.folder(seed, name), fit)
  popularity = world.data.catalogue.popularity
  world.note(
    "ids", name, figures.id_figures(tokenized.semantic_ids, popularity)
  )
  return tokenized


def _trained(
  world: World, name: str, seed: int
) -> tuple[Tokenized, TrainedGenerator]:
  def make() -> tuple[Tokenized, TrainedGenerator]:
    tokenized = _tokenized(world, name, seed)
    changes = variants(world.config)[name].changes
    section = seeded(changed(world.config, changes).generator, seed)
    return tokenized, world.train(section, world.folder(seed, name), tokenized)

  # DPR and the wider beam read what TIGER leaves.
  return world.once((name, seed), make) if name == "tiger" else make()


def _generated(run: Run) -> paired.Columns:
  source = run.name if run.variant.make else "tiger"
  tokenized, generator = _trained(run.world, source, run.seed)
  return run.columns(_searched, generator, tokenized)


def _searched(
  run: Run, generator: TrainedGenerator, tokenized: Tokenized
) -> dict[str, np.ndarray]:
  """The figures of both searches of a generator."""
  ids, config = tokenized.semantic_ids, run.config.evaluation
  search = searcher(generator, ids, batch_size=config.batch_size)
  popularity = run.world.data.catalogue.popularity
  columns = {}
  for one in requests(run):
    prompts = one.prompts(generator.writer)
    for decoding in DECODINGS:
      named = search(prompts, beam=config.beam, decoding=decoding)
      items = figures.expanded(named, ids, popularity)
      columns |= figures.request_figures(
        f"{one.kind}/{decoding}", items, one.targets, popularity, ids=named
      )
  return columns


def _bm25(run: Run) -> paired.Columns:
  """The words of the query in the texts of the items."""
  data = run.world.data
  log, popularity = data.requests, data.catalogue.popularity

  def rank(one: EvalRequests) -> np.ndarray:
    state = bm25.fit(data.catalogue.texts, popularity)
    return bm25.rank(state, log.queries[one.queries], k=max(figures.CUTOFFS))

  return run.columns(functools.partial(_ranked, rank), data)


def _dpr(run: Run) -> paired.Columns:
  """The nearest items; it reads TIGER's prompts, which hold the history."""
  world = run.world
  tokenized, generator = _trained(world, "tiger", run.seed)
  section = changed(run.config.dual_encoder, {"training.seed": run.seed})
  dual = train_dual_encoder(section, run.stages(tokenized, generator))

  def rank(one: EvalRequests) -> np.ndarray:
    return dual.rank(one, k=max(figures.CUTOFFS), exclude=None)

  return run.columns(functools.partial(_ranked, rank), world.keep(dual))


def _ranked(rank, run: Run, _) -> dict[str, np.ndarray]:
  """The figures of what ranks items itself."""
  popularity, columns = run.world.data.catalogue.popularity, {}
  for one in requests(run):
    prefix = f"{one.kind}/catalogue"
    columns |= figures.request_figures(
      prefix, rank(one), one.targets, popularity
    )
  return columns


STUDY = Study(
  name="sa2crq",
  title="What SA2CRQ's semantic IDs bring",
  method=sa2crq_page.method,
  variants=variants,
  needs=("tiger",),
  users=users,
  measure=measure,
  against=("tiger",),
  pairs=(("sa2crq_10", "sarq_10"), ("sa2crq_10", "acrq")),
  tables=sa2crq_page.TABLES,
  figure=sa2crq_page.figure,
  headline=(
    "semantic/catalogue/all/recall@100",
    "personalised/catalogue/all/recall@100",
    "next_basket/catalogue/all/recall@100",
  ),
  claims=CLAIMS,
  digits=5,
  chosen_by=tuple(
    f"{kind}/catalogue/all/recall@10" for kind in ("personalised", "semantic")
  ),
)
run = functools.partial(run_study, STUDY)
