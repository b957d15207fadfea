"""The finished stages of a run, up to its trained generator."""

import dataclasses
import pathlib

from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator


@dataclasses.dataclass(frozen=True)
class Stages:
  """What alignment, the dual encoder and the evaluation are made from.

  `workdir` gets one folder a stage; `generator` is as it was trained, before
  any alignment.
  """

  workdir: pathlib.Path
  data: Data
  vectors: Vectors
  tokenized: Tokenized
  generator: TrainedGenerator
