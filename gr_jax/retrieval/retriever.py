"""From prompts to ranked IDs: a generator and the trie of a catalogue.

On a mesh every device searches its own requests, and those along model share
heads and vocabulary. Filters go with their requests; the trie is whole on every
device, so that a live catalogue changes by one transfer. Answers are those of
one device; only IDs of one score, as of items bought equally often, may change
places by its last bit.
"""

import contextlib
import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np
from jax.sharding import Mesh

from gr_jax.data.batches import padded_batches
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.beams import BeamSize
from gr_jax.decoding.filters import RowMask, pack_rows
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.trie import Trie, build_trie
from gr_jax.decoding.unconstrained_beam_search import unconstrained_beam_search
from gr_jax.generators.candidates_alone import UsedParts, kinds_of
from gr_jax.generators.placement import place_for_search, search_shardings
from gr_jax.generators.reading import AnyPrompt
from gr_jax.parallel.hosts import own_copy
from gr_jax.parallel.mesh import batch_parts, batch_sharding, replicated
from gr_jax.retrieval.search_layout import search_layout
from gr_jax.tokenizers.semantic_ids import SemanticIds

_NOTHING = np.zeros(0, np.int64)


class Retrieved(NamedTuple):
  """Answers to `R` requests, best first.

  Attributes:
    ids: `[R, M]` rows of the table of IDs, -1 where there is none; `M` is the
      width of the last level.
    log_probs: `[R, M]`, `-inf` there.
    values: `[R, M]` of a generator that predicts values, else None.
  """

  ids: np.ndarray
  log_probs: np.ndarray
  values: np.ndarray | None = None


class Retriever:
  """Searches in batches of one size, so that each search compiles once.

  Args:
    generator: the model.
    variables: its parameters, and whatever else it reads.
    semantic_ids: the IDs of the catalogue.
    batch_size: the number of requests per call of the compiled search; on a
      mesh at least, as its devices share a batch evenly.
    mesh: the devices that search; None = the one that has the variables. All
      hosts of a mesh ask for the same, and each gets all answers.
  """

  def __init__(
    self,
    generator: Generator,
    variables: Any,
    semantic_ids: SemanticIds,
    *,
    batch_size: int = 32,
    mesh: Mesh | None = None,
  ):
    self.semantic_ids = semantic_ids
    parts = batch_parts(mesh) if mesh else 1
    self.batch_size = -(-batch_size // parts) * parts
    self._generator, self._mesh = generator, mesh
    if mesh is not None:
      self._shardings = search_shardings(generator, variables, mesh)
    self._variables = self._placed(variables)
    self._parts = UsedParts(generator, variables)
    self._trie = self._everywhere(
      build_trie(semantic_ids.ids, semantic_ids.level_sizes)
    )
    self._capacity = semantic_ids.num_ids
    self._search, self._unconstrained_search = (
      jax.jit(search, static_argnums=0, static_argnames="beam_size")
      for search in (beam_search, unconstrained_beam_search)
    )

  def with_variables(self, variables: Any) -> Self:
    """This retriever with other variables of the same shapes."""
    found = copy.copy(self)
    found._variables = self._placed(variables)
    found._parts = UsedParts(self._generator, variables)
    return found

  def with_batch_size(self, batch_size: int) -> Self:
    """This retriever, searching in batches of another size."""
    found = copy.copy(self)
    parts = batch_parts(self._mesh) if self._mesh else 1
    found.batch_size = -(-batch_size // parts) * parts
    return found

  def with_trie(self, trie: Trie) -> Self:
    """This retriever over another version of the catalogue, as `LiveTrie.trie`.

    Answers, and the rows to exclude, are then rows of that version.
    """
    found = copy.copy(self)
    found._trie, found._capacity = self._everywhere(trie), trie.capacity
    return found

  def _placed(self, variables: Any) -> Any:
    if self._mesh is None:
      return search_layout(self._generator, variables)
    return place_for_search(variables, self._mesh, self._shardings)

  def _everywhere(self, trie: Trie) -> Trie:
    if self._mesh is None:
      return jax.device_put(trie)
    return jax.device_put(trie, replicated(self._mesh))

  def search(
    self,
    prompt: AnyPrompt,
    queries: np.ndarray,
    *,
    beam_size: BeamSize,
    excluded: Sequence[np.ndarray] | None = None,
  ) -> Retrieved:
    """The most probable IDs of `R` requests.

    Args:
      prompt: the prompts of `R` rows.
      queries: `[R, Wq]` tokens.
      beam_size: the beams kept after every level, or one number for each; the
        last is the number of answers per request.
      excluded: per request, the ID rows that it must not get.
    """
    # A filter of nothing is the same program as one of seen items.
    excluded = [_NOTHING] * len(queries) if excluded is None else excluded
    return self._run(self._search, prompt, queries, beam_size, excluded)

  def unconstrained_search(
    self, prompt: AnyPrompt, queries: np.ndarray, *, beam_size: BeamSize
  ) -> Retrieved:
    """As `search`, not constrained to the catalogue."""
    run = self._unconstrained_search
    return self._run(run, prompt, queries, beam_size, None)

  def _run(self, search, prompt, queries, beam_size, excluded) -> Retrieved:
    total = len(queries)
    generator = self._parts.answering(kinds_of(prompt))
    results, pending, mesh = [], None, self._mesh
    requests = np.arange(total), prompt, queries
    for rows, *batch in padded_batches(requests, self.batch_size):
      inputs: dict[str, Any] = {"prompt": tuple(batch)}
      if excluded is not None:
        inputs["allowed"] = self._allowed([excluded[row] for row in rows])
      if mesh is not None:
        inputs = jax.device_put(inputs, batch_sharding(mesh))
      with jax.set_mesh(mesh) if mesh else contextlib.nullcontext():
        found = search(
          generator,
          self._variables,
          trie=self._trie,
          beam_size=beam_size,
          **inputs,
        )
      # Two batches under way at most: each needs its own working memory.
      if pending is not None:
        results.append(self._fetched(pending))
      pending = found
    results.append(self._fetched(pending))

    def whole(name: str) -> np.ndarray:
      return np.concatenate([getattr(r, name) for r in results])[:total]

    valued = results[0].values is not None
    return Retrieved(
      whole("ids"), whole("log_probs"), whole("values") if valued else None
    )

  def _fetched(self, found: Any) -> Any:
    return jax.device_get(found if self._mesh is None else own_copy(found))

  def _allowed(self, excluded: Sequence[np.ndarray]) -> RowMask:
    """Masks over all IDs: one shape, however many of them were seen."""
    mask = np.ones((len(excluded), self._capacity), bool)
    for row, ids in zip(mask, excluded):
      row[ids] = False
    return pack_rows(mask)
