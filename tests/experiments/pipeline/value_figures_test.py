import numpy as np
import pytest

from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.train import TrainedGenerator
from experiments.pipeline.value_figures import (
  predicts_values,
  value_figures,
)
from experiments.pipeline.value_rerank import VALUE_RERANK
from gr_jax.artefacts import Artefact, write_json
from gr_jax.data import request_lists
from gr_jax.data.requests import TEST
from gr_jax.data.target_values import TargetValues
from tests.reference import tasks


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
  directory = tmp_path_factory.mktemp("run")
  parts, variables = tasks.valued(directory)
  write_json(directory / VALUE_RERANK, {"chosen": 0.5, "tried": []})
  artefact = Artefact(directory, "", 0.0)
  found = TrainedGenerator(parts.model, variables, parts.writer, artefact)
  return parts, found


def test_figures_are_of_targets_that_were_paid_for(generator):
  parts, found = generator
  log = parts.data.requests
  requests = draw_eval_requests(log, split=TEST, count=20, seed=0)
  figures = value_figures(found, parts.semantic_ids, requests, seed=0)
  read = [one for one in requests if one.shows_history]
  assert figures["calibration"]["n"] == sum(len(one.rows) for one in read)
  assert (
    sum(row["n"] for row in figures["reliability"])
    == (figures["calibration"]["n"])
  )
  assert figures["rerank"]["chosen"] == 0.5
  for one, row in zip(requests, figures["most"]):
    targets = request_lists.targets(log, one.rows)
    paid = TargetValues(log).of(one.rows[targets.owners], targets.rows)
    # Of twenty requests none has more than ten targets here.
    assert targets.sizes.max() <= 10
    assert row["requests"] == one.kind
    np.testing.assert_allclose(row["value"], paid.sum() / len(one.rows))


def test_only_a_generator_with_values_predicts_them(generator):
  _, found = generator
  assert predicts_values(found)
  plain = {"params": found.params["params"]}
  assert not predicts_values(
    TrainedGenerator(found.model, plain, found.writer, found.artefact)
  )
