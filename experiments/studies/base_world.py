"""What all worlds of studies share: folders, seconds, and what is noted."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from gr_jax.artefacts import Artefact


class BaseWorld:
  """A world without its data.

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

  def sizes(self) -> dict[str, int]:
    """What the record says of its data."""
    return {}

  @property
  def seconds(self) -> float:
    """The seconds that all artefacts took when they were made."""
    return sum(artefact.seconds for artefact in self._artefacts.values())

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
