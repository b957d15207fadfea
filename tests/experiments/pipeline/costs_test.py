"""What a model costs is counted and timed."""

import pytest

from experiments.pipeline import costs
from experiments.pipeline.eval_requests import draw_eval_requests
from gr_jax.data.requests import TEST
from gr_jax.retrieval.retriever import Retriever
from gr_jax.training.checkpoints import save_params
from tests.reference.small_world import semantic_ids, shop
from tests.reference.untrained_run import made


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
  return made(tmp_path_factory.mktemp("run")).generator


def test_the_size_is_that_of_the_parameters(generator):
  empty = costs.size(generator)
  assert empty["bytes"] == 0
  assert empty["parameters"] > 1000
  save_params(generator.artefact.directory, generator.params)
  assert costs.size(generator)["bytes"] > empty["parameters"]


def test_one_request_and_a_batch_are_timed(generator):
  search = Retriever(
    generator.model, generator.params, semantic_ids(), batch_size=4
  )
  *_, part = draw_eval_requests(shop().requests, split=TEST, count=8, seed=0)
  rows = costs.latency(search, generator, part, beam=3, times=2)
  assert [row["requests"] for row in rows] == [1, 4]
  assert all(row["milliseconds"] > 0 for row in rows)
  assert costs.latency(search, generator, part, beam=3, times=0) == []
