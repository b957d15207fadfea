"""One world of a study: its data, its stages, and what was noted of them."""

import contextlib
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from experiments.pipeline.embed import embed
from experiments.pipeline.eval_requests import EvalRequests, draw_eval_requests
from experiments.pipeline.evaluator import SPLITS
from experiments.pipeline.prepare import prepare
from experiments.pipeline.tokenize import FitTokenizer, Tokenized, tokenize
from experiments.pipeline.train import TrainedGenerator, train
from experiments.studies.base_world import BaseWorld
from gr_jax.choices import choose


def changed(config: ConfigDict, changes: Mapping[str, Any]) -> ConfigDict:
  """A copy of a config; the keys of `changes` are paths (`a.b.c`)."""
  copy = ConfigDict(config.to_dict())
  for path, value in changes.items():
    *sections, key = path.split(".")
    section = copy
    for name in sections:
      section = section[name]
    # Widths may be one number or one per level.
    lists = isinstance(value, tuple)
    with copy.ignore_type() if lists else contextlib.nullcontext():
      section[key] = value
  return copy


def seeded(section: ConfigDict, seed: int) -> ConfigDict:
  """A copy of a section with another seed."""
  return changed(section, {"seed": seed})


class World(BaseWorld):
  """Data and vectors, which all variants share, and the stages of a variant.

  Arguments are those of `BaseWorld`.
  """

  def __init__(self, config: ConfigDict, name: str, workdir: pathlib.Path):
    super().__init__(config, name, workdir)
    self.data = self.keep(prepare(config.data, workdir))
    self.vectors = self.keep(embed(config.vectors, workdir, self.data))

  def sizes(self) -> dict[str, int]:
    """The items of the catalogue."""
    return {"items": len(self.data.catalogue)}

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
