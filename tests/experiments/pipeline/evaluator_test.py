"""What is measured: all systems on the same requests."""

import dataclasses

import numpy as np
import pytest

from experiments.pipeline.evaluator import EvaluationConfig, Evaluator
from gr_jax.data.requests import EXPOSED
from gr_jax.evaluation.results import select
from tests.reference.untrained_run import CONFIG, made


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
  return made(tmp_path_factory.mktemp("run"))[1:]


def measures(data, *rest):
  settings = EvaluationConfig(**CONFIG.evaluation)
  return Evaluator(CONFIG.name, settings, data, *rest)


def test_grades_add_rows_and_change_none(stages):
  """With the grade 1 of what was clicked they tell the plain figure."""
  data, *rest = stages
  grades = (data.requests.page_kind > EXPOSED).astype(np.float32)
  graded = measures(dataclasses.replace(data, grades=grades), *rest)
  plain = measures(data, *rest)
  rows = graded.results(graded.questions[0], "kept")
  mine = select(rows, metric="graded_ndcg")
  others = [row for row in rows if row not in mine]
  expected = plain.results(plain.questions[0], "kept")
  assert others == expected
  assert {row["system"] for row in mine} == {row["system"] for row in expected}
  for row in mine:
    (same,) = select(
      expected, level="item", segment="all", metric="ndcg", k=row["k"],
      system=row["system"],
    )  # fmt: skip
    assert abs(row["value"] - same["value"]) < 1e-6


def test_a_wider_beam_finds_no_less(stages):
  found = measures(*stages)
  for questions in found.questions:
    narrow, wide = (found.beam_rows(questions, beam) for beam in (1, 10))
    assert narrow["value"] <= wide["value"]
    assert narrow["n"] == wide["n"] <= CONFIG.evaluation.beam_requests


def test_invalid_ids_are_a_share(stages):
  found = measures(*stages)
  row = found.hallucination(found.questions[0])
  assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
