"""A trained generator, ready to answer batches of requests.

A batch is filled up to one of a few sizes, its prompts have the one length of
training, and the catalogue is an argument: what was compiled at the start
serves every request. On a CPU one program searches the requests of a batch one
by one: the answer to a request is the same to the last digit, whatever other
requests there are. Every search has a mask over the IDs, packed on the host:
one that lets all of them through costs next to nothing, and a program of its
own for requests without filters would double the time of a start.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from gr_jax.candidates.candidates import KINDS
from gr_jax.data.batches import pad_rows
from gr_jax.decoding.beams import BeamSize, level_widths
from gr_jax.generators.candidates_alone import UsedParts, kinds_of
from gr_jax.generators.reading import AnyVocabulary
from gr_jax.retrieval import versions
from gr_jax.retrieval.compiled_search import CompiledSearches, SearchInputs
from gr_jax.retrieval.load import Artefacts
from gr_jax.serving.catalogue.snapshot import Snapshot
from gr_jax.serving.engine.adaptive_beams import scaled_beams
from gr_jax.serving.engine.devices import Devices, shared_sizes
from gr_jax.serving.engine.prompting import (
  check_query,
  read_words,
  unknown_history,
  write_prompts,
)
from gr_jax.serving.requests import Filters, Invalid, SearchRequest

# Copies of one request cost as much as others, so sizes grow by 4 at most.
_GROWTH = 4
_Valid = tuple[SearchRequest, np.ndarray]
"""A request and the `[N]` items that its answer may hold."""


class Answer(NamedTuple):
  """Ranked items, and the cost of finding them.

  Attributes:
    items: `Items.record` of each with its `score` and `value`, best first; the
      `value` is None but of a generator that predicts values.
    version: the version of the catalogue that was searched.
    ignored: ids of the history that the catalogue does not know.
    unknown_words: words of the query that are read as nothing known.
    read_as: known words by the word of the query that was read as them.
    milliseconds: "batch" (arrays before and after) and "search".
    batch: the number of requests that were answered together.
    model: the version of the run that answered, `Artefacts.version`.
    next: the offset of the next page; None at the end of what the beam holds,
      and of a request without an offset.
  """

  items: list[dict[str, Any]]
  version: int
  ignored: list[str]
  unknown_words: list[str]
  read_as: dict[str, str]
  milliseconds: dict[str, float]
  batch: int
  model: str = versions.FIRST
  next: int | None = None


def bucket_sizes(max_batch: int) -> tuple[int, ...]:
  """Returns 1, 4, 16, .. and `max_batch`."""
  sizes, size = [], 1
  while size < max_batch:
    sizes.append(size)
    size *= _GROWTH
  return (*sizes, max_batch)


class Engine:
  """Answers batches from whatever snapshot it is given.

  Args:
    artefacts: the run.
    searches: compiled programs, shared with the engine before this one.
    beams: the IDs that a search can keep, the default first: each a number, or
      one for every level.
    multiples: widths that follow the load, as multiples of the default beam's.
    max_batch: requests answered at once; on a mesh at least, as its devices
      share a batch evenly.
    mesh: the devices that search; None = the one that has the parameters.

  Attributes:
    beams: as given.
    adaptive: the beams that follow the load, narrowest first; empty without
      multiples.
    sizes: the sizes of batches that are searched without filling up.

  Raises:
    ValueError: the mesh does not divide the heads of the network, a beam has
      widths for another number of levels, or multiples give no rising beams.
  """

  def __init__(
    self,
    artefacts: Artefacts,
    searches: CompiledSearches,
    *,
    beams: Sequence[BeamSize],
    max_batch: int,
    multiples: Sequence[float] = (),
    mesh: Mesh | None = None,
  ):
    self.artefacts = artefacts
    self._searches = searches
    self._parts = UsedParts(artefacts.model, artefacts.params)
    self._devices = Devices(artefacts.model, artefacts.params, mesh)
    self.beams = tuple(beams)
    for beam in beams:
      level_widths(beam, artefacts.semantic_ids.num_levels)
    self.adaptive: tuple[BeamSize, ...] = ()
    if multiples:
      levels = artefacts.semantic_ids.num_levels
      self.adaptive = scaled_beams(beams[0], multiples, levels)
    sizes = bucket_sizes(max_batch)
    self.sizes = shared_sizes(sizes, self._devices.shared_by)
    self._compiled = self.sizes
    if self._devices.one_by_one:
      self._compiled = (max_batch,)
      self.sizes = tuple(range(1, max_batch + 1))

  def warm(self, snapshot: Snapshot) -> None:
    """Compiles, or loads, every program that a request can need."""
    words = self.artefacts.vocabulary.words
    kinds = range(len(KINDS)) if words else (KINDS.index("next_basket"),)
    generators = self._parts.all_answering(kinds)
    for beam in dict.fromkeys((*self.beams, *self.adaptive)):
      request = SearchRequest(beam, 1)
      valid = request, snapshot.items.shown
      inputs = [self._inputs([valid] * n, snapshot) for n in self._compiled]
      for generator in generators:
        self._searches.prepare(generator, beam, inputs)
      for size in (1,) if self._devices.one_by_one else self.sizes:
        self.answer([request] * size, snapshot)

  def answer(
    self, requests: Sequence[SearchRequest], snapshot: Snapshot
  ) -> list[Answer | Invalid]:
    """Returns one answer a request, all of one beam, at most `max_batch`.

    A request that does not fit the catalogue has an `Invalid` in the place
    of its answer, and the others do not notice.
    """
    start = time.perf_counter()
    vocabulary = self.artefacts.vocabulary
    masks = [_passing(request, snapshot, vocabulary) for request in requests]
    valid = [
      (request, mask)
      for request, mask in zip(requests, masks)
      if not isinstance(mask, Invalid)
    ]
    found = iter(self._answers(valid, snapshot, start) if valid else ())
    return [
      mask if isinstance(mask, Invalid) else next(found) for mask in masks
    ]

  def _answers(
    self, valid: Sequence[_Valid], snapshot: Snapshot, start: float
  ) -> list[Answer]:
    """The answers of one search."""
    inputs = self._inputs(valid, snapshot)
    prompt, _ = inputs.prompt
    generator = self._parts.answering(kinds_of(prompt))
    began = time.perf_counter()
    beam = valid[0][0].beam
    assert beam is not None
    found = jax.device_get(self._searches(generator, beam, inputs))
    ended = time.perf_counter()
    lists = [
      _ranked(
        snapshot,
        found.log_probs[row],
        None if found.values is None else found.values[row],
        *snapshot.expand(found.ids[row], mask, k=_end(request) + 1),
      )
      for row, (request, mask) in enumerate(valid)
    ]
    milliseconds = {
      "batch": 1e3 * (time.perf_counter() - ended + began - start),
      "search": 1e3 * (ended - began),
    }
    return [
      Answer(
        items[request.offset or 0 : _end(request)],
        snapshot.version,
        unknown_history(request, snapshot.items),
        *read_words(request, self.artefacts.vocabulary),
        milliseconds,
        len(valid),
        self.artefacts.version,
        _next(request, len(items)),
      )
      for (request, _), items in zip(valid, lists)
    ]

  def _inputs(
    self, valid: Sequence[_Valid], snapshot: Snapshot
  ) -> SearchInputs:
    """Prompts and masks, filled up with copies of the first row."""
    requests = [request for request, _ in valid]
    prompts = write_prompts(
      requests,
      snapshot.items,
      self.artefacts.vocabulary,
      self.artefacts.prompt,
      snapshot.candidates,
    )
    size = next(size for size in self._compiled if size >= len(valid))
    masks = [
      snapshot.everything
      if request.filters == Filters()
      else snapshot.allowed(mask)
      for request, mask in valid
    ]
    allowed = jax.tree.map(lambda *x: np.stack(x), *masks)
    return self._devices.inputs(
      pad_rows(prompts, size),
      pad_rows(allowed, size),
      snapshot,
      count=len(valid),
    )


def _passing(
  request: SearchRequest, snapshot: Snapshot, vocabulary: AnyVocabulary
) -> np.ndarray | Invalid:
  try:
    check_query(request, vocabulary)
    return snapshot.passing(request.filters)
  except Invalid as error:
    return error


def _end(request: SearchRequest) -> int:
  return (request.offset or 0) + request.k


def _next(request: SearchRequest, ranked: int) -> int | None:
  end = _end(request)
  return end if request.offset is not None and ranked > end else None


def _ranked(snapshot, log_probs, values, rows, places) -> list[dict[str, Any]]:
  items = snapshot.items
  return [
    items.record(row)
    | {
      "score": float(log_probs[place]),
      "value": None if values is None else float(values[place]),
    }
    for row, place in zip(rows, places)
  ]
