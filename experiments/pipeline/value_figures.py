"""What a run says of values: what could be earned, and what was predicted."""

import json
from collections.abc import Sequence

import numpy as np

from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.train import TrainedGenerator
from experiments.pipeline.value_predictions import predict_values
from experiments.pipeline.value_rerank import VALUE_RERANK
from gr_jax.data.target_values import TargetValues
from gr_jax.evaluation import value_calibration, worth
from gr_jax.evaluation.report.verdicts import METRIC
from gr_jax.tokenizers.semantic_ids import SemanticIds


def predicts_values(generator: TrainedGenerator) -> bool:
  """Whether a generator says what its answers are worth."""
  return "values" in generator.params


def value_figures(
  generator: TrainedGenerator,
  semantic_ids: SemanticIds,
  requests: Sequence[EvalRequests],
  *,
  seed: int,
) -> dict:
  """The part `values` of a report; `{}` where nothing was worth anything.

  Args:
    generator: Predicts values.
    semantic_ids: The IDs of the catalogue.
    requests: Those that are ranked, of every kind.
    seed: Draws one target of each request, whose value is compared.

  Returns:
    most: rows `{"requests", "value"}`, what the dearest ten targets are worth.
    calibration: `value_calibration.figures` and "n".
    reliability: rows of `value_calibration.reliability`.
    rerank: what `value_rerank` found, `{"chosen", "tried"}`.
  """
  log = requests[0].table
  values = TargetValues(log)
  most = [
    {
      "requests": one.kind,
      "value": float(
        worth.dearest(values, one.rows, count=METRIC["k"]).sum(axis=1).mean()
      ),
    }
    for one in requests
  ]
  # The semantic requests are the personalised ones, with less to read.
  read = [one for one in requests if one.shows_history] or requests
  rows = np.concatenate([one.rows for one in read])
  rng = np.random.default_rng(seed)
  items = np.concatenate([_one_target(one, rng) for one in read])
  paid = values.of(rows, items)
  if not paid.any():
    return {}
  predicted = predict_values(
    generator.model,
    generator.params,
    generator.writer,
    semantic_ids,
    log,
    rows,
    items,
  )
  tried = generator.artefact.directory / VALUE_RERANK
  return {
    "most": most,
    "calibration": {
      **value_calibration.figures(predicted, paid),
      "n": len(rows),
    },
    "reliability": value_calibration.reliability(
      predicted, paid, users=log.user[rows]
    ),
    "rerank": json.loads(tried.read_text()),
  }


def _one_target(requests: EvalRequests, rng: np.random.Generator) -> np.ndarray:
  targets = requests.targets
  return targets.rows[targets.offsets[:-1] + rng.integers(0, targets.sizes)]
