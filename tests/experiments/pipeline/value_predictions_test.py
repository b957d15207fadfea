import dataclasses

import numpy as np
import pytest

from experiments.pipeline.value_predictions import (
  predict_values,
  with_fitted_scale,
)
from gr_jax.data.requests import CLICKED, TEST, VALID
from tests.reference import tasks


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
  return tasks.valued(tmp_path_factory.mktemp("run"))


def sure_of(variables, bucket):
  """Predictions are those of the value's bias: no state is read."""
  params = dict(variables["params"])
  bias = np.full(params["value_bias"].shape, -1e4, np.float32)
  bias[bucket] = 0
  params["value_bias"] = bias
  return variables | {"params": params}


def test_a_sure_prediction_is_the_mean_of_its_bucket(generator):
  parts, variables = generator
  log, ids = parts.data.requests, parts.semantic_ids
  rows = np.flatnonzero(log.split == TEST)[:3]
  means = variables["values"]["means"]
  for bucket in (0, len(means) - 1):
    values = predict_values(
      parts.model,
      sure_of(variables, bucket),
      parts.writer,
      ids,
      log,
      rows,
      np.arange(3),
    )
    np.testing.assert_allclose(values, means[bucket], rtol=1e-5)


def test_the_scale_is_that_of_validation_targets_alone(generator):
  """All are predicted alike; what was paid in the period is their mean."""
  parts, variables = generator
  log = parts.data.requests
  # A scale that was there before is not read.
  before = variables | {
    "values": variables["values"] | {"scale": np.float32(7)}
  }
  of_period = log.split[log.page_request] == VALID
  wanted = of_period & (log.page_kind >= CLICKED)
  dearer = dataclasses.replace(
    log, page_value=np.where(of_period, log.page_value, 1e6)
  )
  for requests in (log, dearer):
    found = with_fitted_scale(
      sure_of(before, 1),
      requests,
      model=parts.model,
      writer=parts.writer,
      semantic_ids=parts.semantic_ids,
      seed=0,
    )["values"]
    mean = found["scale"] * found["means"][1] ** found["power"]
    np.testing.assert_allclose(mean, log.page_value[wanted].mean(), rtol=1e-4)
    np.testing.assert_array_equal(found["means"], variables["values"]["means"])
