"""What a study compares: a variant, and a run of it with a seed in a world."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.stages import Stages
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from experiments.studies import paired
from experiments.studies.world import World, changed
from gr_jax.artefacts import build


@dataclasses.dataclass(frozen=True)
class Variant:
  """One of the ways that a study compares.

  Attributes:
    label: The name for people.
    changes: Values of the study's config that this variant has otherwise, by
      their path (`tokenizer.category_depth`).
    make: What the study's `measure` needs of it besides.
    seeds: At most so many of the study's seeds; None is all.
    deterministic: Whether its answers do not depend on a seed; takes one.
    measured: Whether it is compared; otherwise it is only noted.
  """

  label: str
  changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  make: Any = None
  seeds: int | None = None
  deterministic: bool = False
  measured: bool = True

  def most_seeds(self, count: int) -> int:
    """The number of seeds that it takes where a study has `count`."""
    return 1 if self.deterministic else self.seeds or count


@dataclasses.dataclass(frozen=True)
class Run:
  """One variant and seed in a world, which a study is to measure.

  Attributes:
    world: The world.
    name: The name of the variant.
    variant: The variant.
    seed: The seed of what is made for it.
    settings: Values that were chosen for it, or are tried, by their path.
    split: The period that it is measured on; "" is `evaluation.split`.
  """

  world: World
  name: str
  variant: Variant
  seed: int
  settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  split: str = ""

  @functools.cached_property
  def config(self) -> ConfigDict:
    """The config of the world with the changes of variant and settings."""
    changes = {**self.variant.changes, **self.settings}
    if self.split:
      changes["evaluation.split"] = self.split
    return changed(self.world.config, changes)

  @property
  def folder(self) -> pathlib.Path:
    """A folder of its own for all settings that are not the config's."""
    base = changed(self.world.config, self.variant.changes)
    other = [
      f"{path.rpartition('.')[2]}={value}"
      for path, value in sorted(self.settings.items())
      if _at(base, path) != value
    ]
    return self.world.folder(self.seed, ",".join([self.name, *other]))

  def requests(self, kinds: Sequence[str]) -> list[EvalRequests]:
    """The requests of these kinds that it is measured on."""
    return self.world.requests(kinds, split=self.split)

  def note(self, table: str, figures: Mapping[str, Any]) -> None:
    """Notes figures of a run that is compared, not of one that is tried."""
    if not self.split:
      self.world.note(table, self.name, figures)

  def stages(self, tokenized: Tokenized, generator: TrainedGenerator) -> Stages:
    """The stages in the form that the pipeline's later stages read."""
    world = self.world
    return Stages(self.folder, world.data, world.vectors, tokenized, generator)

  def columns(
    self, measure: Callable[..., paired.Columns], *stages: Any
  ) -> dict[str, np.ndarray]:
    """What `measure(run, *stages)` gives, kept in the folder `hits`.

    Hits of another period than the study's own are beside it.
    """

    def make(directory: pathlib.Path) -> None:
      np.savez_compressed(directory / "hits.npz", **measure(self, *stages))

    section = self.config.evaluation.to_dict()
    inputs = [stage.artefact.fingerprint for stage in stages]
    name = "_".join(filter(None, ["hits", self.split]))
    artefact = build(self.folder, name, section, inputs, make)
    self.world.count(artefact)
    with np.load(artefact.directory / "hits.npz") as file:
      return dict(file)


def _at(config: ConfigDict, path: str) -> Any:
  for name in path.split("."):
    config = config[name]
  return config
