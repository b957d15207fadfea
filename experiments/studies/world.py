"""One world of a study: its data, its stages, and what was noted of them."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.embed import embed
from experiments.pipeline.eval_requests import EvalRequests, draw_eval_requests
from experiments.pipeline.evaluator import SPLITS
from experiments.pipeline.prepare import prepare
from experiments.pipeline.tokenize import FitTokenizer, Tokenized, tokenize
from experiments.pipeline.train import TrainedGenerator, train
from gr_jax.artefacts import Artefact
from gr_jax.choices import choose


def changed(config: ConfigDict, changes: Mapping[str, Any]) -> ConfigDict:
  """A copy of a config; the keys of `changes` are paths (`a.b.c`)."""
  copy = ConfigDict(config.to_dict())
  for path, value in changes.items():
    *sections, key = path.split(".")
    section = copy
    for name in sections:
      section = section[name]
    section[key] = value
  return copy


def seeded(section: ConfigDict, seed: int) -> ConfigDict:
  """A copy of a section with another seed."""
  return changed(section, {"seed": seed})


class World:
  """Data and vectors, which all variants share, and the stages of a variant.

  Every artefact that passes through here counts into `seconds`.

  Args:
    config: The config of the study with the values of this world.
    name: The name of the world.
    workdir: The folder of the world; it gets one folder per seed and variant.
  """

  def __init__(self, config: ConfigDict, name: str, workdir: pathlib.Path):
    self.config, self.name, self.workdir = config, name, workdir
    self.notes: dict[str, dict[str, list[Mapping]]] = {}
    self._artefacts: dict[pathlib.Path, Artefact] = {}
    self._shared: dict[Any, Any] = {}
    self.data = self.keep(prepare(config.data, workdir))
    self.vectors = self.keep(embed(config.vectors, workdir, self.data))

  @property
  def seconds(self) -> float:
    """The seconds that all artefacts took when they were made."""
    return sum(artefact.seconds for artefact in self._artefacts.values())

  def requests(
    self, kinds: Sequence[str], *, split: str = ""
  ) -> list[EvalRequests]:
    """The requests of these kinds that the period `split` has.

    "" is the period of `evaluation.split`.

    Raises:
      ValueError: An unknown split, or one without any of them.
    """
    config = self.config.evaluation
    name = split or config.get("split", "test")
    chosen = choose("evaluation.split", name, SPLITS)

    def draw() -> list[EvalRequests]:
      log, count = self.data.requests, config.requests
      return draw_eval_requests(
        log, split=chosen, count=count, seed=config.seed
      )

    drawn = self.once(("drawn", name), draw)
    drawn = [one for one in drawn if one.kind in kinds]
    if not drawn:
      raise ValueError(
        f"the {name} period has no {' or '.join(kinds)} request with a click; "
        "take more users or a longer period."
      )
    return drawn

  def folder(self, seed: int, variant: str = "") -> pathlib.Path:
    return self.workdir / f"seed_{seed}" / variant

  def keep(self, stage: Any) -> Any:
    """Counts the seconds of a stage's artefact."""
    self.count(stage.artefact)
    return stage

  def count(self, artefact: Artefact) -> None:
    self._artefacts[artefact.directory] = artefact

  def once(self, key: Any, make: Callable[[], Any]) -> Any:
    """What several variants or seeds share, made once."""
    if key not in self._shared:
      self._shared[key] = make()
    return self._shared[key]

  def tokenize(
    self, section: ConfigDict, folder: pathlib.Path, fit: FitTokenizer
  ) -> Tokenized:
    return self.keep(
      tokenize(section, folder, self.data, self.vectors, fit=fit)
    )

  def train(
    self, section: ConfigDict, folder: pathlib.Path, tokenized: Tokenized
  ) -> TrainedGenerator:
    return self.keep(train(section, folder, self.data, tokenized))

  def note(self, table: str, variant: str, figures: Mapping[str, Any]) -> None:
    """Notes figures of one seed of a variant; the record has their means."""
    self.notes.setdefault(table, {}).setdefault(variant, []).append(figures)

  def facts(self) -> dict[str, dict]:
    """`{table: {variant: {figure: mean over the seeds}}}`."""
    return {
      table: {name: _means(seeds) for name, seeds in noted.items()}
      for table, noted in self.notes.items()
    }


def _means(seeds: Sequence[Mapping]) -> dict[str, Any]:
  """Figures that have one shape in all seeds; tables of IDs differ in depth."""
  return {
    name: np.mean([one[name] for one in seeds], axis=0).tolist()
    for name in seeds[0]
    if len({np.shape(one.get(name)) for one in seeds}) == 1
  }
