"""The report of a tiny run holds what it says, and is made once."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from flax import linen as nn
from ml_collections import ConfigDict

from experiments.stages import evaluate
from experiments.stages.embed import Vectors
from experiments.stages.prepare import Data
from experiments.stages.tokenize import Tokenized
from experiments.stages.train import Generator
from gr_jax.artefacts import Artefact, write_json
from gr_jax.data.requests import EXPOSED
from gr_jax.evaluation.results import select
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy
from tests.reference.small_world import semantic_ids, shop, writer

KINDS = ("semantic", "personalised", "next_basket")
BEAMS = (2, 10)
CONFIG = ConfigDict(
  {
    "name": "cq_sid",
    "evaluation": {
      "requests": 8,
      "beam": 10,
      "beams": BEAMS,
      "beam_requests": 4,
      "free_beam": 3,
      "batch_size": 4,
    },
  }
)
TRANSFORMER = TransformerConfig(
  layers=1, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=16
)


def generator(artefact):
  model = DecoderOnly(
    TRANSFORMER, writer()._vocabulary.prompt_size, semantic_ids().level_sizes
  )
  rows = np.zeros(1, np.int64)
  prompt = writer().prompts(rows, shown=np.ones(1, bool))
  queries = writer().queries(rows)[:, None]
  codes = np.zeros((1, 1, len(semantic_ids().level_sizes)), np.int32)
  init = jax.jit(model.init)
  params = nn.unbox(init(jax.random.key(0), prompt, queries, codes))
  return Generator(model, noisy(params), writer(), artefact)


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
  """The working directory and what the stages before left in it."""
  workdir = tmp_path_factory.mktemp("run")
  artefact = Artefact(workdir / "earlier", "a mark", 2.0)
  artefact.directory.mkdir()
  write_json(artefact.directory / "quality.json", [])
  write_json(artefact.directory / "history.json", [{"step": 1, "loss": 2.0}])
  world = shop()
  return (
    workdir,
    Data(world.catalogue, world.requests, artefact),
    Vectors(world.item_x, world.query_x, artefact),
    Tokenized(semantic_ids(), artefact),
    generator(artefact),
  )


@pytest.fixture(scope="module")
def report(stages):
  return evaluate.evaluate(CONFIG, *stages)


def test_the_generator_and_its_floors_answer_the_same_requests(report):
  rows = select(report["results"], segment="all", metric="recall", k=10)
  asked = {(row["requests"], row["seen"]) for row in rows}
  assert {kind for kind, seen in asked if seen == "kept"} == set(KINDS)
  assert {seen for _, seen in asked} == {"kept", "out"}
  for kind, seen in asked:
    both = select(rows, requests=kind, seen=seen)
    items = select(both, level="item")
    systems = [row["system"] for row in items]
    assert systems[0] == "cq_sid"
    assert {"popularity", "nearest"} < set(systems)
    assert len({row["n"] for row in items}) == 1
    assert [row["system"] for row in both].count("cq_sid") == 2


def test_every_figure_lies_in_its_interval_and_is_a_share(report):
  for part in ("results", "beams", "hallucination"):
    assert report[part]
    for row in report[part]:
      assert row["low"] <= row["value"] <= row["high"]
      if row.get("metric", "recall") == "recall":
        assert 0 <= row["value"] <= 1


def test_every_kind_is_searched_at_every_beam(report):
  asked = [(row["requests"], row["beam"]) for row in report["beams"]]
  assert asked == [(kind, beam) for kind in KINDS for beam in BEAMS]


def test_the_files_hold_the_report(report, stages):
  stored = json.loads((stages[0] / "report.json").read_text())
  assert stored == json.loads(json.dumps(report, default=list))
  assert "cq_sid" in (stages[0] / "report.html").read_text()
  assert stored["history"]["tokenizer"] == [{"step": 1, "loss": 2.0}]
  counts = stored["items_per_id"]
  assert np.dot(counts, np.arange(1, len(counts) + 1)) == len(shop().catalogue)


def test_a_second_evaluation_asks_nothing(report, stages, monkeypatch):
  def never(*arguments):
    raise AssertionError("asked again")

  monkeypatch.setattr(evaluate, "_figures", never)
  again = evaluate.evaluate(CONFIG, *stages)
  assert again["results"] == report["results"]


def test_an_unknown_setting_is_named(stages):
  config = ConfigDict(CONFIG.to_dict())
  config.evaluation.beem = 3
  with pytest.raises(TypeError, match="beem"):
    evaluate.evaluate(config, *stages)


def test_grades_add_rows_and_change_none(report, stages):
  """With the grade 1 of what was clicked they tell the plain figure."""
  _, data, *rest = stages
  grades = (data.requests.page_kind > EXPOSED).astype(np.float32)
  evaluation = evaluate._Evaluation(
    CONFIG.name,
    evaluate.EvaluationConfig(**CONFIG.evaluation),
    dataclasses.replace(data, grades=grades),
    *rest,
    before=None,
  )
  questions = evaluation.questions[0]
  rows = evaluation.results(questions, "kept")
  mine = select(rows, metric="graded_ndcg")
  others = [row for row in rows if row not in mine]
  plain = select(report["results"], requests=questions.kind, seen="kept")
  assert others == plain
  assert {row["system"] for row in mine} == {row["system"] for row in plain}
  for row in mine:
    (same,) = select(
      plain, level="item", segment="all", metric="ndcg", k=row["k"],
      system=row["system"],
    )  # fmt: skip
    assert abs(row["value"] - same["value"]) < 1e-6
