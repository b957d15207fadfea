"""All systems get their figures on the same requests."""

import dataclasses

import numpy as np
import pytest

from experiments.pipeline.baseline_rankings import Baselines
from experiments.pipeline.evaluator import EvaluationConfig, Evaluator
from gr_jax.data.requests import EXPOSED
from gr_jax.evaluation import results
from gr_jax.evaluation.results import select
from gr_jax.retrieval.retriever import Retrieved
from tests.reference.untrained_run import CONFIG, made


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
  found = made(tmp_path_factory.mktemp("run"))
  return found.data, found.vectors, found.tokenized, found.generator


def evaluator_of(data, vectors, tokenized, generator, *, before=()):
  generators = {CONFIG.name: generator} | {name: generator for name in before}
  baselines = Baselines(data, vectors, window=3, last=10)
  settings = EvaluationConfig(**CONFIG.evaluation)
  ids = tokenized.semantic_ids
  return Evaluator(settings, data, ids, generators, baselines)


def test_grades_add_rows_and_change_none(stages):
  """With the grade 1 for every click they are the plain figure."""
  data, *rest = stages
  grades = (data.requests.page_kind > EXPOSED).astype(np.float32)
  graded = evaluator_of(dataclasses.replace(data, grades=grades), *rest)
  plain = evaluator_of(data, *rest)
  rows = graded.results(graded.requests[0], "kept")
  mine = select(rows, metric="graded_ndcg")
  others = [row for row in rows if row not in mine]
  expected = plain.results(plain.requests[0], "kept")
  assert others == expected
  assert {row["system"] for row in mine} == {row["system"] for row in expected}
  for row in mine:
    (same,) = select(
      expected, level="item", segment="all", metric="ndcg", k=row["k"],
      system=row["system"],
    )  # fmt: skip
    assert abs(row["value"] - same["value"]) < 1e-6


def test_a_wider_beam_finds_no_less(stages):
  evaluator = evaluator_of(*stages)
  for requests in evaluator.requests:
    narrow, wide = (evaluator.beam_rows(requests, beam) for beam in (1, 10))
    assert narrow["value"] <= wide["value"]
    assert narrow["n"] == wide["n"] <= CONFIG.evaluation.beam_requests


def test_the_first_generator_is_the_model_and_its_past_is_compared_once(stages):
  evaluator = evaluator_of(*stages, before=("before",))
  requests = evaluator.requests[1]
  kept, out = (evaluator.results(requests, seen) for seen in ("kept", "out"))
  roles = {row["system"]: row["role"] for row in kept}
  assert roles.pop(CONFIG.name) == results.MODEL
  assert roles.pop("before") == results.BEFORE
  assert set(roles.values()) == {results.BASELINE}
  assert {row["system"] for row in out} == {CONFIG.name, *roles}
  # The same generator under both names.
  own, past = (select(kept, system=name) for name in (CONFIG.name, "before"))
  figures = [[(row["k"], row["value"]) for row in rows] for rows in (own, past)]
  assert figures[0] == figures[1]


class Inventing:
  """In place of a retriever: of two IDs `invented [R]` name nothing."""

  def __init__(self, invented):
    self.invented = invented

  def unconstrained_search(self, prompts, queries, *, beam_size):
    assert beam_size == CONFIG.evaluation.unconstrained_beam
    count = len(queries)
    ids = np.where(np.arange(2) < self.invented[:count, None], -1, 7)
    return Retrieved(ids, np.zeros(ids.shape))


def test_hallucination_is_the_mean_share_of_invented_ids(stages):
  evaluator = evaluator_of(*stages)
  invented = np.array([0, 1, 2, 2])
  evaluator._retrievers = {CONFIG.name: Inventing(invented)}
  row = evaluator.hallucination(evaluator.requests[0])
  assert row["n"] == CONFIG.evaluation.beam_requests == len(invented)
  assert row["value"] == (0 / 2 + 1 / 2 + 2 / 2 + 2 / 2) / 4
  assert row["low"] <= row["value"] <= row["high"]
  assert row["requests"] == evaluator.requests[0].kind
