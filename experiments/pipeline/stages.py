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

  Attributes:
    workdir: the folder of the run, which gets one folder a stage.
    data: the catalogue and the requests.
    vectors: the vectors of items and queries.
    tokenized: the semantic IDs.
    generator: the generator as it was trained, before any alignment.
  """

  workdir: pathlib.Path
  data: Data
  vectors: Vectors
  tokenized: Tokenized
  generator: TrainedGenerator
