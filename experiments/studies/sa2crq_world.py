"""The data of the SA2CRQ study and what was found with it so far."""

import pathlib
import time

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.dual_encoder import train_dual_encoder
from experiments.pipeline.embed import embed
from experiments.pipeline.prepare import prepare
from experiments.pipeline.tokenize import Tokenized, tokenize
from experiments.pipeline.train import train
from experiments.studies import sa2crq_hits
from experiments.studies.sa2crq_arms import (
  TOKENIZERS,
  evaluation_section,
  generator_section,
  tokenizer_section,
)
from experiments.studies.sa2crq_ids import id_figures
from experiments.studies.sa2crq_measure import METRICS
from gr_jax.artefacts import Artefact


class World:
  """Data and vectors, which all arms share; what was found by arm and seed.

  Args:
    config: of the study.
    workdir: of the run; gets a folder per seed and arm.
  """

  def __init__(self, config: ConfigDict, workdir: pathlib.Path):
    self.config, self.workdir = config, workdir
    self.data = prepare(config.data, workdir)
    self.vectors = embed(config.vectors, workdir, self.data)
    settings = sa2crq_hits.HitsConfig(**config.evaluation)
    asked = sa2crq_hits.asked(self.data, settings)
    self.users = {questions.kind: questions.users for questions in asked}
    # Both by arm, then by seed.
    self.found = {}
    self.ids = {}
    self._baseline = None
    self._artefacts = {}
    for made in (self.data, self.vectors):
      self._keep(made.artefact)

  @property
  def seconds(self) -> float:
    """What all that was made or read so far took to make."""
    return sum(artefact.seconds for artefact in self._artefacts.values())

  def run(self, name: str, seed: int) -> None:
    """Makes and asks one arm, or reads what an earlier run left of it."""
    start, before = time.perf_counter(), self.seconds
    folder = self._folder(name, seed)
    ask = {"bm25": self._bm25, "dpr": self._dpr}.get(name, self._generator)
    found, artefact = ask(folder, name, seed)
    self._keep(artefact)
    self.found.setdefault(name, {})[seed] = found
    self._tell(name, seed, start, before)

  def tokenized(self, name: str, seed: int) -> Tokenized:
    """The IDs of an arm and seed."""
    section = tokenizer_section(self.config, name, seed=seed)
    fit = TOKENIZERS[self.config.recipes[name].tokenizer]
    folder = self._folder(name, seed)
    made = tokenize(section, folder, self.data, self.vectors, fit=fit)
    self._keep(made.artefact)
    popularity = self.data.catalogue.popularity
    figures = id_figures(made.semantic_ids, popularity)
    self.ids.setdefault(name, {})[seed] = figures
    return made

  def _generator(self, folder: pathlib.Path, name: str, seed: int):
    source = self.config.recipes[name].same_as or name
    tokenized = self.tokenized(source, seed)
    generator = train(
      generator_section(self.config, source, seed=seed),
      self._folder(source, seed),
      self.data,
      tokenized.semantic_ids,
      [self.data.artefact.fingerprint, tokenized.artefact.fingerprint],
    )
    self._keep(generator.artefact)
    if name == self.config.baseline:
      self._baseline = (tokenized, generator)
    asked = evaluation_section(self.config, name)
    return sa2crq_hits.ask_generator(
      asked, folder, self.data, tokenized, generator
    )

  def _bm25(self, folder: pathlib.Path, name: str, seed: int):
    del name, seed
    return sa2crq_hits.ask_bm25(self.config.evaluation, folder, self.data)

  def _dpr(self, folder: pathlib.Path, name: str, seed: int):
    """It reads the prompts of the baseline, whose codes tell its history."""
    del name
    tokenized, generator = self._baseline
    section = ConfigDict(self.config.dual_encoder.to_dict())
    section.training.seed = seed
    dual = train_dual_encoder(
      section,
      folder,
      self.data,
      self.vectors,
      tokenized,
      generator.writer,
    )
    self._keep(dual.artefact)
    return sa2crq_hits.ask_dual_encoder(
      self.config.evaluation, folder, self.data, dual
    )

  def _folder(self, name: str, seed: int) -> pathlib.Path:
    return self.workdir / f"seed_{seed}" / name

  def _keep(self, artefact: Artefact) -> None:
    self._artefacts[artefact.directory] = artefact

  def _tell(self, name: str, seed: int, start: float, before: float) -> None:
    told = []
    for kind, found in self.found[name][seed].items():
      text = f"{kind} recall@100 {_mean(found, 'recall@100'):.1%}"
      text += f", of all {_mean(found, 'items'):.0f} items "
      text += f"{_mean(found, 'recall@all'):.1%}"
      if "free" in found:
        invalid = _mean(found, "hallucination", decoding="free")
        text += f", hallucination {invalid:.1%}"
      told.append(text)
    print(
      f"seed {seed}, {self.config.recipes[name].label}: {'; '.join(told)} "
      f"({self.seconds - before:.0f} s of work, now "
      f"{time.perf_counter() - start:.0f})",
      flush=True,
    )


def _mean(found, metric: str, *, decoding: str = "catalogue") -> float:
  return float(np.nanmean(found[decoding]["all"][:, METRICS.index(metric)]))
