"""Values that a generator predicts, and their scale on validation requests."""

import functools
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from gr_jax.data import request_lists
from gr_jax.data.batches import padded_batches
from gr_jax.data.requests import CLICKED, VALID, Requests
from gr_jax.generators.reading import AnyWriter
from gr_jax.generators.value_scores import value_aware_scores
from gr_jax.generators.values import predicted_value, with_scale
from gr_jax.objectives.value_scale import ValueScale, fit_scale
from gr_jax.tokenizers.semantic_ids import SemanticIds

_BATCH, _TARGETS = 64, 4000


def predict_values(
  model: nn.Module,
  variables: Any,
  writer: AnyWriter,
  semantic_ids: SemanticIds,
  log: Requests,
  rows: np.ndarray,
  items: np.ndarray,
) -> np.ndarray:
  """`[R]`, what a generator says that items `[R]` are worth at requests `[R]`.

  Args:
    model: the generator.
    variables: all that it reads.
    writer: the writer of its prompts.
    semantic_ids: the IDs of the catalogue.
    log: the requests.
    rows: the requests, as rows of the log.
    items: an item for each.
  """
  inputs = (
    writer.prompts(rows, shown=np.ones(len(rows), bool)),
    writer.queries(log.query[rows])[:, None],
    semantic_ids.codes[items][:, None],
  )
  predict = functools.partial(_predicted, model=model)
  found = [
    np.asarray(predict(variables, *batch))
    for batch in padded_batches(inputs, _BATCH)
  ]
  return np.concatenate(found)[: len(rows)]


@functools.partial(jax.jit, static_argnames="model")
def _predicted(variables, prompt, queries, codes, *, model):
  scores = value_aware_scores
  found = model.apply(variables, prompt, queries, codes, method=scores)
  return predicted_value(found.values, variables["values"])[:, 0]


def with_fitted_scale(
  variables: Any,
  requests: Requests,
  *,
  model: nn.Module,
  writer: AnyWriter,
  semantic_ids: SemanticIds,
  seed: int,
) -> Any:
  """The variables with the scale of values that validation requests fit.

  It is that of what was clicked or ordered in the validation period, 4,000
  targets of it at most; arguments are those of `predict_values`, and `seed`
  draws them.
  """
  variables = with_scale(variables, ValueScale())
  wanted = requests.page_kind >= CLICKED
  wanted &= requests.split[requests.page_request] == VALID
  places = np.flatnonzero(wanted)
  rng = np.random.default_rng(seed)
  places = request_lists.sample(places, count=_TARGETS, rng=rng)
  if not len(places):
    return variables
  rows, items = requests.page_request[places], requests.page_item[places]
  predicted = predict_values(
    model, variables, writer, semantic_ids, requests, rows, items
  )
  values = np.maximum(requests.page_value[places], 0)
  return with_scale(variables, fit_scale(predicted, values))
