"""A trained generator, ready to answer batches of questions.

A batch is filled up to one of a few sizes, its prompts have the one length of
training, and the catalogue is an argument: what was compiled at the start
serves every request. Every search has a mask over the IDs, packed on the host:
one that lets all of them through costs next to nothing, and a program of its
own for requests without filters would double the time of a start.
"""

import itertools
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gr_jax.data.batches import pad_rows
from gr_jax.retrieval.compiled_search import CompiledSearches, SearchInputs
from gr_jax.retrieval.load import Artefacts
from gr_jax.serving.catalogue.snapshot import Snapshot
from gr_jax.serving.engine.prompting import unknown_history, write_prompts
from gr_jax.serving.http.fields import Invalid
from gr_jax.serving.http.search_request import Filters, SearchRequest

# Copies of one question cost as much as others, so sizes grow by 4 at most.
_GROWTH = 4


class Answer(NamedTuple):
  """Ranked items and what it took.

  Attributes:
    items: `{id, text, score, semantic_id}`, best first.
    version: of the catalogue that was searched.
    ignored: ids of the history that the catalogue does not know.
    milliseconds: "batch" (arrays before and after) and "search".
    batch: questions that were answered together.
  """

  items: list[dict[str, Any]]
  version: int
  ignored: list[str]
  milliseconds: dict[str, float]
  batch: int


def bucket_sizes(max_batch: int) -> tuple[int, ...]:
  """1, 4, 16, .. and `max_batch`."""
  powers = itertools.takewhile(
    lambda size: size < max_batch,
    (_GROWTH**exponent for exponent in itertools.count()),
  )
  return (*powers, max_batch)


class Engine:
  """Answers batches from whatever snapshot it is given.

  Args:
    artefacts: of the run.
    searches: compiled programs, shared with the engine before this one.
    beams: that can be asked for.
    max_batch: questions answered at once.
  """

  def __init__(
    self,
    artefacts: Artefacts,
    searches: CompiledSearches,
    *,
    beams: Sequence[int],
    max_batch: int,
  ):
    self.artefacts = artefacts
    self._searches = searches
    self.beams = tuple(beams)
    self.sizes = bucket_sizes(max_batch)

  def warm(self, snapshot: Snapshot) -> None:
    """Compiles, or loads, every program that a request can need."""
    for beam in self.beams:
      asked = [
        [SearchRequest(None, (), None, (), Filters(), 1, beam)] * size
        for size in self.sizes
      ]
      inputs = [
        self._inputs(each, [snapshot.items.present] * len(each), snapshot)
        for each in asked
      ]
      self._searches.prepare(self.artefacts.model, beam, inputs)
      for each in asked:
        self.answer(each, snapshot)

  def answer(
    self, questions: Sequence[SearchRequest], snapshot: Snapshot
  ) -> list[Answer | Invalid]:
    """One answer a question, all of one beam, at most `max_batch` of them.

    A question that does not fit the catalogue has an `Invalid` in the place
    of its answer, and the others do not notice.
    """
    start = time.perf_counter()
    answers: list = [_passing(question, snapshot) for question in questions]
    asked = [i for i, each in enumerate(answers) if _fits(each)]
    if not asked:
      return answers
    passing = [answers[i] for i in asked]
    valid = [questions[i] for i in asked]
    inputs = self._inputs(valid, passing, snapshot)
    began = time.perf_counter()
    found = jax.device_get(
      self._searches(self.artefacts.model, valid[0].beam, inputs)
    )
    ended = time.perf_counter()
    lists = [
      _ranked(question, snapshot, mask, ids, log_probs)
      for question, mask, ids, log_probs in zip(
        valid, passing, found.ids, found.log_probs
      )
    ]
    milliseconds = {
      "batch": 1e3 * (time.perf_counter() - ended + began - start),
      "search": 1e3 * (ended - began),
    }
    for i, question, items in zip(asked, valid, lists):
      answers[i] = Answer(
        items,
        snapshot.version,
        unknown_history(question, snapshot.items),
        milliseconds,
        len(valid),
      )
    return answers

  def _inputs(
    self,
    questions: Sequence[SearchRequest],
    passing: Sequence[np.ndarray],
    snapshot: Snapshot,
  ) -> SearchInputs:
    """Prompts and masks, filled up with copies of the first row."""
    prompts = write_prompts(
      questions,
      snapshot.items,
      self.artefacts.vocabulary,
      self.artefacts.prompt,
    )
    size = next(size for size in self.sizes if size >= len(questions))
    masks = [
      snapshot.everything
      if question.filters == Filters()
      else snapshot.allowed(mask)
      for question, mask in zip(questions, passing)
    ]
    allowed = jax.tree.map(lambda *x: np.stack(x), *masks)
    return SearchInputs(
      self.artefacts.params | snapshot.counts,
      pad_rows(prompts, size),
      snapshot.live.trie,
      pad_rows(allowed, size),
    )


def _fits(found: np.ndarray | Invalid) -> bool:
  return not isinstance(found, Invalid)


def _passing(
  question: SearchRequest, snapshot: Snapshot
) -> np.ndarray | Invalid:
  try:
    return snapshot.passing(question.filters)
  except Invalid as error:
    return error


def _ranked(
  question: SearchRequest,
  snapshot: Snapshot,
  passing: np.ndarray,
  ids: np.ndarray,
  log_probs: np.ndarray,
) -> list[dict[str, Any]]:
  rows, places = snapshot.expand(ids, passing, k=question.k)
  items = snapshot.items
  return [
    {
      "id": items.item_ids[row],
      "text": items.texts[row],
      "score": float(log_probs[place]),
      "semantic_id": items.semantic_ids.codes[row].tolist(),
    }
    for row, place in zip(rows, places)
  ]
