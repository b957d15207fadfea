"""Trains the SASRec that stands beside the baselines."""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from experiments.pipeline.eval_requests import EvalRequests, draw_eval_requests
from experiments.pipeline.fitting import (
  load_params,
  on_devices,
  progress_bar,
  save_params,
)
from experiments.pipeline.prepare import Data
from experiments.pipeline.validation_choice import recall_row
from gr_jax.artefacts import Artefact, build, write_json
from gr_jax.data.request_lists import training_log
from gr_jax.data.requests import VALID
from gr_jax.data.row_lists import RowLists
from gr_jax.dense import sasrec, sasrec_training
from gr_jax.dense.sasrec_training import has_next
from gr_jax.nn.precision import dot_general
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.training.optimizer import OptimizerConfig

_CHOICES = "choices.json"


@dataclasses.dataclass(frozen=True)
class SASRecRanker:
  """A trained SASRec as a baseline.

  Attributes:
    fitted: the model and the catalogue.
    artefact: the files of the stage.
    choices: the validated steps, in the form of `Choice.figures`.
    needs: what it reads of a request.
  """

  fitted: sasrec.Fitted
  artefact: Artefact
  choices: Sequence[dict]
  needs: tuple[str, ...] = ("history",)

  def rank(
    self, requests: EvalRequests, *, k: int, exclude: RowLists | None
  ) -> np.ndarray:
    """`[R, k]` int32 catalogue rows, as every baseline gives them."""
    return sasrec.rank(self.fitted, requests.histories, k=k, exclude=exclude)


def train_sasrec(
  config: ConfigDict, workdir: pathlib.Path, data: Data, mesh: Mesh
) -> SASRecRanker | None:
  """The trained ranker, or the one that an earlier run left.

  None where the section asks for no steps, or nothing of training comes after
  anything.

  Args:
    config: sections model (`TransformerConfig`), training (`SASRecConfig`
      without its optimizer), optimizer, and `dropout`, `precision` and
      `requests`, the number of requests of each validation (0 = every one).
    workdir: gets the folder "sasrec".
    data: training events alone are learned, and of the parameters that were
      validated the best are kept.
    mesh: the devices that share it.
  """
  sequences, times = training_log(data.requests)
  if not config.training.steps or not has_next(sequences, times):
    return None
  model = sasrec.SASRec(
    TransformerConfig(**config.model),
    len(data.catalogue),
    config.dropout,
    dot_general(config.precision),
  )
  settings = sasrec_training.SASRecConfig(
    **config.training, optimizer=OptimizerConfig(**config.optimizer)
  )

  def index(params: Any) -> sasrec.Fitted:
    popularity = data.catalogue.popularity
    return sasrec.index(model, params, popularity, length=settings.length)

  def make(directory: pathlib.Path) -> None:
    validation = _validation(data, config.requests)
    choices = []

    def validate(params: Any) -> float:
      fitted = index(params)
      row = recall_row(
        lambda requests, **options: sasrec.rank(
          fitted, requests.histories, **options
        ),
        validation,
      )
      choices.append({"requests": validation.kind, **row})
      return row["value"]

    bar = progress_bar("sasrec", steps=settings.steps)
    devices = on_devices(mesh)
    with bar as (progress, history), devices:
      params, rows = sasrec_training.fit(
        model,
        sequences,
        times,
        config=settings,
        validate=validate if validation is not None else None,
        progress=progress,
      )
    for choice, row in zip(choices, rows):
      choice |= {"setting": f"step={row['step']}", "chosen": False}
    if choices:
      max(choices, key=lambda choice: choice["value"])["chosen"] = True
    save_params(directory, params)
    write_json(directory / "history.json", history)
    write_json(directory / _CHOICES, choices)

  inputs = [data.artefact.fingerprint]
  artefact = build(workdir, "sasrec", config.to_dict(), inputs, make)
  params = load_params(artefact.directory)
  choices = json.loads((artefact.directory / _CHOICES).read_text())
  return SASRecRanker(index(params), artefact, choices)


def _validation(data: Data, count: int) -> EvalRequests | None:
  """Requests with a history, those without a query where there are some."""
  drawn = draw_eval_requests(data.requests, split=VALID, count=count, seed=0)
  shown = [requests for requests in drawn if requests.shows_history]
  return shown[-1] if shown else None
