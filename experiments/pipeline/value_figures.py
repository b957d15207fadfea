"""What a run says of values: what could be earned, and what was predicted."""

import functools
import json
from collections.abc import Sequence

import jax
import numpy as np

from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.train import TrainedGenerator
from experiments.pipeline.value_rerank import VALUE_RERANK
from gr_jax.data.batches import padded_batches
from gr_jax.data.requests import Requests
from gr_jax.data.target_values import TargetValues
from gr_jax.evaluation import value_calibration, worth
from gr_jax.evaluation.report.verdicts import METRIC
from gr_jax.generators.values import buckets_of
from gr_jax.objectives.value_buckets import expected_value
from gr_jax.tokenizers.semantic_ids import SemanticIds

_BATCH = 64


def predicts_values(generator: TrainedGenerator) -> bool:
  """Whether a generator says what its answers are worth."""
  return "values" in generator.params


def predicted_values(
  generator: TrainedGenerator,
  semantic_ids: SemanticIds,
  log: Requests,
  rows: np.ndarray,
  items: np.ndarray,
) -> np.ndarray:
  """What a generator says that items `[R]` are worth at requests `[R]`."""
  writer = generator.writer
  inputs = (
    writer.prompts(rows, shown=np.ones(len(rows), bool)),
    writer.queries(log.query[rows])[:, None],
    semantic_ids.codes[items][:, None],
  )
  predict = functools.partial(_predicted, model=generator.model)
  found = [
    np.asarray(predict(generator.params, *batch))
    for batch in padded_batches(inputs, _BATCH)
  ]
  return np.concatenate(found)[: len(rows)]


@functools.partial(jax.jit, static_argnames="model")
def _predicted(params, prompt, queries, codes, *, model):
  found = model.apply(params, prompt, queries, codes, method="value_aware")
  return expected_value(found.values, buckets_of(params).means)[:, 0]


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
  predicted = predicted_values(generator, semantic_ids, log, rows, items)
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
