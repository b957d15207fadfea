"""One world of the GenRec study and what was found in it so far."""

import pathlib
import time

from ml_collections import ConfigDict

from experiments import rq_kmeans
from experiments.pipeline.embed import embed
from experiments.pipeline.prepare import prepare
from experiments.pipeline.tokenize import Tokenized, tokenize
from experiments.pipeline.train import Generator, train
from experiments.studies import genrec_hits
from experiments.studies.genrec_arms import generator_section
from gr_jax.rl.rewards.items import ItemReward, mean_of_items


class World:
  """One world: its stages, and what was found in it so far.

  Args:
    config: of the study.
    name: of the world.
    workdir: of the world.
  """

  def __init__(self, config: ConfigDict, name: str, workdir: pathlib.Path):
    self.config, self.world, self.name = config, config.worlds[name], name
    self.workdir = workdir
    self.data = prepare(self.world.data, workdir)
    self.vectors = embed(config.vectors, workdir, self.data)
    self.asked = genrec_hits.asked(
      self.data, genrec_hits.HitsConfig(**config.evaluation)
    )
    self.rows = genrec_hits.request_rows(self.asked)
    self.users = self.data.requests.user[self.rows]
    self.found = {}
    self.budget = {}
    self.prefill = {}
    self.judged = {}
    self.seconds = self.data.artefact.seconds + self.vectors.artefact.seconds

  def tokenized(self, seed: int) -> Tokenized:
    """The IDs of a seed."""
    section = ConfigDict(
      self.config.tokenizer.to_dict()
      | {"levels": tuple(self.world.levels), "seed": seed}
    )
    folder = self.workdir / f"seed_{seed}"
    made = tokenize(section, folder, self.data, self.vectors, fit=rq_kmeans.fit)
    self.seconds += made.artefact.seconds
    return made

  def trained(self, arm: str, seed: int, tokenized: Tokenized) -> Generator:
    """The generator of an arm and seed."""
    ids = tokenized.semantic_ids
    section, used = generator_section(
      self.config.generator, self.world, arm, self.data, ids, seed=seed
    )
    self.budget.setdefault(arm, used)
    inputs = [self.data.artefact.fingerprint, tokenized.artefact.fingerprint]
    folder = self.workdir / f"seed_{seed}" / arm
    made = train(section, folder, self.data, ids, inputs)
    self.seconds += made.artefact.seconds
    return made

  def measure(
    self,
    arm: str,
    seed: int,
    tokenized: Tokenized,
    generator: Generator,
    rewards: dict[str, ItemReward],
  ) -> None:
    """Hits, hallucinations and, where there are any, rewards of an arm."""
    start = time.perf_counter()
    folder = self.workdir / f"seed_{seed}" / arm
    found, artefact = genrec_hits.count_hits(
      self.config.evaluation, folder, self.data, tokenized, generator
    )
    for name, reward in rewards.items():
      scored = mean_of_items(reward, tokenized.semantic_ids)
      found[name] = scored(self.rows, found["top"]).mean(axis=1)
    self.found.setdefault(arm, []).append(found)
    self.seconds += artefact.seconds
    hits = ", ".join(f"{100 * x:.1f}" for x in found["hits"].mean(axis=0))
    told = ", ".join(f"{n} {found[n].mean():.3f}" for n in rewards)
    print(
      f"{self.name}, seed {seed}, {arm}: hits {hits} %, hallucination "
      f"{100 * found['invalid'].mean():.1f} % {told} "
      f"({time.perf_counter() - start:.0f} s)",
      flush=True,
    )
