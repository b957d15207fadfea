"""Searches of the generators of an evaluation.

Requests of a kind are searched several times: with and without what was seen,
in several widths, and without a catalogue. Their prompts are written once for
all of them, and what was found with one width is not searched again. Hosts
share the requests of every search, and each gets all answers.
"""

from collections.abc import Mapping

import jax
import numpy as np

from experiments.pipeline.eval_requests import EvalRequests
from gr_jax.data.row_lists import RowLists
from gr_jax.decoding.beams import BeamSize, answer_size
from gr_jax.generators.prompts.writer import Prompt, PromptWriter
from gr_jax.parallel import hosts
from gr_jax.retrieval.items_of_ids import expand_items, fully_seen_ids
from gr_jax.retrieval.retriever import Retrieved, Retriever
from gr_jax.tokenizers.semantic_ids import SemanticIds

HELD = 1 << 30
"""Bytes of prompts that are held, at most, from one search to the next."""


class Searches:
  """Ranks IDs, and the items behind them.

  Attributes:
    retrievers: as given.

  Args:
    retrievers: by the names of the systems.
    writer: writes the prompts of all of them.
    ids: the IDs of the catalogue.
    popularity: `[N]`, orders items of one ID.
    held: the bytes of prompts that are held, at most.
  """

  def __init__(
    self,
    retrievers: Mapping[str, Retriever],
    writer: PromptWriter,
    ids: SemanticIds,
    popularity: np.ndarray,
    *,
    held: int = HELD,
  ):
    self.retrievers = retrievers
    self._writer, self._ids, self._popularity = writer, ids, popularity
    self._most, self._whole, self._written = held, None, None
    self._found: dict[tuple[str, BeamSize], tuple[RowLists | None, tuple]] = {}

  def items(
    self,
    name: str,
    requests: EvalRequests,
    *,
    beam: BeamSize,
    hidden: RowLists | None,
  ) -> tuple[np.ndarray, np.ndarray]:
    """IDs and items `[R, M]`, best first, -1 where there is none.

    Args:
      name: the system that searches.
      requests: the requests.
      beam: the beams kept, at every level or at each; the last is `M`.
      hidden: per request, the items that no answer may hold.
    """
    prompts = self._prompts(requests)
    known = self._found.get((name, beam))
    if known and _begins(known[0], hidden, len(requests.rows)):
      ids, items = known[1]
      return ids[: len(requests.rows)], items[: len(requests.rows)]
    seen = None
    if hidden is not None:
      seen = [hidden[r] for r in range(len(hidden))]

    def search(rows: tuple[Prompt, np.ndarray, np.ndarray]) -> Retrieved:
      prompt, queries, numbers = rows
      excluded = None
      if seen is not None:
        excluded = fully_seen_ids([seen[r] for r in numbers], self._ids)
      return self.retrievers[name].search(
        prompt, queries, beam_size=beam, excluded=excluded
      )

    numbers = np.arange(len(requests.rows))
    found = hosts.rows_by_all(search, (*prompts, numbers))
    k = answer_size(beam)
    items = expand_items(found.ids, self._ids, self._popularity, k=k, seen=seen)
    if requests is self._whole:
      # Those without the seen items are searched once.
      self._found.setdefault((name, beam), (hidden, (found.ids, items)))
    return found.ids, items

  def unconstrained(
    self, name: str, requests: EvalRequests, *, beam: int
  ) -> Retrieved:
    """The most probable IDs, whether or not the catalogue has them."""
    search = self.retrievers[name].unconstrained_search
    return hosts.rows_by_all(
      lambda rows: search(*rows, beam_size=beam), self._prompts(requests)
    )

  def _prompts(self, requests: EvalRequests) -> tuple[Prompt, np.ndarray]:
    whole = self._whole
    if whole is None or not _are_first(requests, whole):
      self._whole, self._written = requests, None
      self._found.clear()
    if self._written is not None:
      return jax.tree.map(lambda x: x[: len(requests.rows)], self._written)
    written = requests.prompts(self._writer)
    size = sum(x.nbytes for x in jax.tree.leaves(written))
    if requests is self._whole and size <= self._most:
      self._written = written
    return written


def _are_first(part: EvalRequests, whole: EvalRequests) -> bool:
  rows = whole.rows[: len(part.rows)]
  same = part.kind == whole.kind and part.table is whole.table
  return same and np.array_equal(rows, part.rows)


def _begins(whole: RowLists | None, part: RowLists | None, count: int) -> bool:
  """Whether `part` are the first `count` lists of `whole`."""
  if whole is None or part is None:
    return whole is part
  offsets = whole.offsets[: count + 1]
  return np.array_equal(offsets, part.offsets) and np.array_equal(
    whole.rows[: offsets[-1]], part.rows
  )
