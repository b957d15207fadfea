"""All systems get their figures on the same requests."""

import dataclasses

import numpy as np
import pytest

from experiments.pipeline.baseline_rankings import Baselines
from experiments.pipeline.evaluator import EvaluationConfig, Evaluator
from gr_jax.data.requests import EXPOSED
from gr_jax.evaluation import intervals, metrics, results
from gr_jax.evaluation.results import select
from gr_jax.retrieval.retriever import Retrieved
from tests.reference.untrained_run import CONFIG, made


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
  found = made(tmp_path_factory.mktemp("run"))
  return found.data, found.vectors, found.tokenized, found.generator


def evaluator_of(data, vectors, tokenized, generator, *, before=()):
  generators = {CONFIG.name: generator} | {name: generator for name in before}
  baselines = Baselines(data, vectors, validation=[], windows=(3,), lasts=(10,))
  settings = EvaluationConfig(**CONFIG.evaluation)
  ids = tokenized.semantic_ids
  return Evaluator(settings, data, ids, generators, baselines)


def test_grades_add_rows_and_change_none(stages):
  """With the grade 1 for every click they are the plain figure."""
  data, *rest = stages
  grades = (data.requests.page_kind > EXPOSED).astype(np.float32)
  graded = evaluator_of(dataclasses.replace(data, grades=grades), *rest)
  plain = evaluator_of(data, *rest)
  rows, _ = graded.results(graded.requests[0], "kept")
  mine = select(rows, metric="graded_ndcg")
  others = [row for row in rows if row not in mine]
  expected, _ = plain.results(plain.requests[0], "kept")
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


def test_a_beam_of_rising_widths_gives_as_many_answers_as_its_last(stages):
  evaluator = evaluator_of(*stages)
  evaluator.config = dataclasses.replace(evaluator.config, beam=[1, 4, 9])
  assert evaluator.config.beam == (1, 4, 9)
  (part, *_), name = evaluator.requests, CONFIG.name
  found = {
    system: items for system, _, items, _ in
    evaluator._rankings(part, "kept", part.hidden("kept"))
  }  # fmt: skip
  assert {items.shape for items in found.values()} == {(len(part.rows), 9)}
  expected = evaluator.searches.retrievers[name].search(
    *part.prompts(evaluator.searches._writer), beam_size=(1, 4, 9)
  )
  ids, _ = evaluator.searches.items(name, part, beam=(1, 4, 9), hidden=None)
  np.testing.assert_array_equal(ids, expected.ids)


def test_the_first_generator_is_the_model_and_its_past_is_compared_once(stages):
  evaluator = evaluator_of(*stages, before=("before",))
  requests = evaluator.requests[1]
  kept, out = (evaluator.results(requests, s)[0] for s in ("kept", "out"))
  roles = {row["system"]: row["role"] for row in kept}
  assert roles.pop(CONFIG.name) == results.MODEL
  assert roles.pop("before") == results.BEFORE
  assert set(roles.values()) == {results.BASELINE}
  # Without what was bought before, `repeat` is no ranking of its own.
  systems = {row["system"] for row in out}
  assert CONFIG.name in systems
  assert systems < {CONFIG.name, *roles}
  assert "repeat" in roles.keys() - systems
  # The same generator under both names.
  own, past = (select(kept, system=name) for name in (CONFIG.name, "before"))
  figures = [[(row["k"], row["value"]) for row in rows] for rows in (own, past)]
  assert figures[0] == figures[1]
  for row in past:
    assert row["difference"] == 0 == row["difference_low"]
    assert row["difference_high"] == 0
  assert {row["difference"] for row in own} == {None}


def test_a_baseline_is_compared_with_the_model_request_by_request(stages):
  evaluator = evaluator_of(*stages)
  requests = evaluator.requests[1]
  rows, _ = evaluator.results(requests, "kept")
  recall = {
    system: metrics.recall(
      metrics.hit_matrix(items, requests.targets), requests.targets.sizes, k=5
    )
    for system, _, items, _ in evaluator._rankings(requests, "kept", None)
  }
  wanted = {"level": "item", "segment": "all", "metric": "recall", "k": 5}
  for row in select(rows, role=results.BASELINE, **wanted):
    pairs = recall[CONFIG.name] - recall[row["system"]]
    expected = intervals.bootstrap(pairs, groups=requests.users).row()
    assert row["difference"] == pytest.approx(expected["value"])
    assert row["difference_low"] == pytest.approx(expected["low"])
    assert row["difference_high"] == pytest.approx(expected["high"])


class Fixed:
  """In place of the baselines: rankings by name."""

  def __init__(self, rankings):
    self.rankings = rankings

  def rank(self, requests, *, k, exclude):
    del requests, k, exclude
    return iter(self.rankings.items())


def test_the_share_of_requests_that_are_ranked_by_popularity_is_counted(stages):
  evaluator = evaluator_of(*stages)
  requests = evaluator.requests[0]
  popular = np.tile(np.arange(10, dtype=np.int32), (len(requests.rows), 1))
  partly = popular.copy()
  partly[:2, -1] = 11
  evaluator._baselines = Fixed(
    {"popularity": popular, "partly": partly, "mute": popular.copy()}
  )
  rows, fallback = evaluator.results(requests, "kept")
  systems = {row["system"] for row in rows}
  assert systems == {CONFIG.name, "popularity", "partly"}
  count, kind = len(requests.rows), requests.kind
  assert fallback == [
    {"system": system, "requests": kind, "seen": "kept"}
    | {"share": share, "n": count}
    for system, share in (("partly", 1 - 2 / count), ("mute", 1.0))
  ]


def test_no_system_answers_a_request_with_its_own_item(stages):
  data, *rest = stages
  evaluator = evaluator_of(*stages)
  part = evaluator.requests[0]
  plain = {name: items for name, _, items, _ in
           evaluator._rankings(part, "kept", part.hidden("kept"))}  # fmt: skip
  # The model's first answer to some requests, the most popular item of others.
  mine = np.where(
    np.arange(len(part.rows)) % 2, plain["popularity"][:, 0],
    plain[CONFIG.name][:, 0],
  )  # fmt: skip
  own = np.full(len(data.requests), -1, np.int32)
  own[part.rows] = mine
  table = dataclasses.replace(data.requests, own_item=own)
  evaluator = evaluator_of(dataclasses.replace(data, requests=table), *rest)
  part = evaluator.requests[0]
  found = {name: items for name, _, items, _ in
           evaluator._rankings(part, "kept", part.hidden("kept"))}  # fmt: skip
  assert found.keys() == plain.keys()
  for name in ("popularity", CONFIG.name):
    assert (plain[name] == mine[:, None]).any()
  for items in found.values():
    assert not (items == mine[:, None]).any()


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
  evaluator.searches.retrievers = {CONFIG.name: Inventing(invented)}
  row = evaluator.hallucination(evaluator.requests[0])
  assert row["n"] == CONFIG.evaluation.beam_requests == len(invented)
  assert row["value"] == (0 / 2 + 1 / 2 + 2 / 2 + 2 / 2) / 4
  assert row["low"] <= row["value"] <= row["high"]
  assert row["requests"] == evaluator.requests[0].kind


def test_the_first_answers_are_kept_where_they_are_asked_for(stages):
  evaluator = evaluator_of(*stages)
  requests = evaluator.requests[0]
  evaluator.results(requests, "kept")
  assert evaluator.answers == {}
  evaluator.config = dataclasses.replace(evaluator.config, kept=3)
  rows, _ = evaluator.results(requests, "kept")
  # Others than those of the evaluation are not kept.
  evaluator.results(requests.first(2), "out")
  shown = {name.split("/")[:2] == [requests.kind, "kept"]
           for name in evaluator.answers}  # fmt: skip
  assert shown == {True}
  systems = [name.rpartition("/")[2] for name in evaluator.answers]
  assert systems == list(dict.fromkeys(row["system"] for row in rows))
  for name, items in evaluator.answers.items():
    assert items.shape == (len(requests.rows), 3)
    (row,) = select(
      rows, system=name.rpartition("/")[2], level="item", segment="all",
      metric="hit_rate", k=1,
    )  # fmt: skip
    hits = metrics.hit_matrix(items[:, :1], requests.targets)
    assert np.mean(hits) == pytest.approx(row["value"])


def test_a_model_that_reads_counts_says_so(stages):
  *others, generator = stages
  counted = dataclasses.replace(
    generator, params=generator.params | {"counts": {}}
  )
  assert not evaluator_of(*stages).reads_counts
  assert evaluator_of(*others, counted).reads_counts


def test_examples_are_of_the_answers_that_the_headline_counts(stages):
  evaluator = evaluator_of(*stages)
  for requests in evaluator.requests:
    for seen in ("kept", "out"):
      evaluator.results(requests, seen)
  texts = stages[0].catalogue.texts
  rows = evaluator.examples(texts)
  assert {row["requests"] for row in rows} == {"personalised", "next_basket"}
  first = rows[0]["answers"][0]["text"]
  shown = evaluator.found["personalised", "kept"]
  assert first in {texts[item] for item in shown[:, 0]}
