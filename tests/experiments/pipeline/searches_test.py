"""Prompts are written once, and no search is run twice."""

import numpy as np
import pytest

from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.searches import HELD, Searches
from gr_jax.data.requests import TEST
from gr_jax.retrieval.items_of_ids import expand_items, fully_seen_ids
from gr_jax.retrieval.retriever import Retriever
from tests.reference.untrained_run import made

BEAM = 6


class Counting:
  """A writer that counts the requests whose prompts it wrote."""

  def __init__(self, writer):
    self.writer, self.written = writer, 0

  def prompts(self, rows, *, shown):
    self.written += len(rows)
    return self.writer.prompts(rows, shown=shown)

  def queries(self, query):
    return self.writer.queries(query)


class Recording:
  """A retriever that counts its searches."""

  def __init__(self, retriever):
    self.retriever, self.searches = retriever, 0

  def search(self, *prompts, beam_size, excluded):
    self.searches += 1
    return self.retriever.search(
      *prompts, beam_size=beam_size, excluded=excluded
    )

  def unconstrained_search(self, *prompts, beam_size):
    return self.retriever.unconstrained_search(*prompts, beam_size=beam_size)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  return made(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def requests(run):
  found = draw_eval_requests(run.data.requests, split=TEST, count=12, seed=0)
  return {each.kind: each for each in found}


@pytest.fixture(scope="module")
def retriever(run):
  generator, ids = run.generator, run.tokenized.semantic_ids
  return Retriever(generator.model, generator.params, ids, batch_size=4)


def searches_of(run, retriever, **options):
  writer, retriever = Counting(run.generator.writer), Recording(retriever)
  popularity = run.data.catalogue.popularity
  ids = run.tokenized.semantic_ids
  found = Searches({"model": retriever}, writer, ids, popularity, **options)
  return found, writer, retriever


def plain(run, retriever, requests, hidden):
  """The answers of a search of these requests alone."""
  ids, seen = run.tokenized.semantic_ids, None
  excluded = None
  if hidden is not None:
    seen = [hidden[r] for r in range(len(hidden))]
    excluded = fully_seen_ids(seen, ids)
  found = retriever.search(
    *requests.prompts(run.generator.writer), beam_size=BEAM, excluded=excluded
  )
  popularity = run.data.catalogue.popularity
  return found.ids, expand_items(found.ids, ids, popularity, k=BEAM, seen=seen)


@pytest.mark.parametrize("held", [HELD, 0])
def test_answers_are_those_of_searches_one_by_one(
  run, retriever, requests, held
):
  searches, *_ = searches_of(run, retriever, held=held)
  for whole in requests.values():
    for part in (whole, whole.first(3), whole.first(8)):
      for seen in ("kept", "out"):
        hidden = part.hidden(seen)
        found = searches.items("model", part, beam=BEAM, hidden=hidden)
        expected = plain(run, retriever, part, hidden)
        np.testing.assert_array_equal(found, expected)


def test_prompts_are_written_once_a_kind(run, retriever, requests):
  searches, writer, _ = searches_of(run, retriever)
  for whole in requests.values():
    for part in (whole, whole.first(3)):
      for beam in (2, BEAM):
        searches.items("model", part, beam=beam, hidden=None)
      searches.unconstrained("model", part, beam=2)
  assert writer.written == sum(len(each.rows) for each in requests.values())


def test_prompts_that_are_too_large_are_not_held(run, retriever, requests):
  searches, writer, _ = searches_of(run, retriever, held=1)
  whole = requests["next_basket"]
  for beam in (2, BEAM):
    searches.items("model", whole, beam=beam, hidden=None)
  assert writer.written == 2 * len(whole.rows)
  assert searches._written is None


def test_a_width_that_was_searched_is_not_searched_again(
  run, retriever, requests
):
  searches, _, counted = searches_of(run, retriever)
  whole = requests["personalised"]
  searches.items("model", whole, beam=BEAM, hidden=None)
  searches.items("model", whole, beam=BEAM, hidden=whole.hidden("out"))
  searches.items("model", whole.first(3), beam=BEAM, hidden=None)
  assert counted.searches == 2
  searches.items("model", whole.first(3), beam=2, hidden=None)
  searches.items("model", requests["semantic"], beam=BEAM, hidden=None)
  assert counted.searches == 4
