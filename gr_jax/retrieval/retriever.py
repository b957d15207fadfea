"""From prompts to ranked IDs: a generator and the trie of a catalogue."""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np

from gr_jax.data.batches import padded_batches
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.filters import RowMask, pack_rows
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.trie import build_trie
from gr_jax.decoding.unconstrained_beam_search import unconstrained_beam_search
from gr_jax.generators.candidates_alone import UsedParts, kinds_of
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.tokenizers.semantic_ids import SemanticIds


class Retrieved(NamedTuple):
  """Answers to `R` requests, best first.

  Attributes:
    ids: `[R, M]` rows of the table of IDs, -1 where there is none.
    log_probs: `[R, M]`, `-inf` there.
  """

  ids: np.ndarray
  log_probs: np.ndarray


class Retriever:
  """Searches in batches of one size, so that each search compiles once.

  Args:
    generator: the model.
    variables: its parameters, and whatever else it reads.
    semantic_ids: the IDs of the catalogue.
    batch_size: the number of requests per call of the compiled search.
  """

  def __init__(
    self,
    generator: Generator,
    variables: Any,
    semantic_ids: SemanticIds,
    *,
    batch_size: int = 32,
  ):
    self.semantic_ids = semantic_ids
    self.batch_size = batch_size
    self._generator = generator
    self._variables = variables
    self._parts = UsedParts(generator, variables)
    self._trie = jax.device_put(
      build_trie(semantic_ids.ids, semantic_ids.level_sizes)
    )
    self._search, self._unconstrained_search = (
      jax.jit(search, static_argnums=0, static_argnames="beam_size")
      for search in (beam_search, unconstrained_beam_search)
    )

  def with_variables(self, variables: Any) -> Self:
    """This retriever with other variables of the same shapes."""
    found = copy.copy(self)
    found._variables = variables
    found._parts = UsedParts(self._generator, variables)
    return found

  def search(
    self,
    prompt: Prompt,
    queries: np.ndarray,
    *,
    beam_size: int,
    excluded: Sequence[np.ndarray] | None = None,
  ) -> Retrieved:
    """The most probable IDs of `R` requests.

    Args:
      prompt: the prompts of `R` rows.
      queries: `[R, Wq]` tokens.
      beam_size: the number of answers per request.
      excluded: per request, the ID rows that it must not get.
    """
    return self._run(self._search, prompt, queries, beam_size, excluded)

  def unconstrained_search(
    self, prompt: Prompt, queries: np.ndarray, *, beam_size: int
  ) -> Retrieved:
    """As `search`, not constrained to the catalogue."""
    run = self._unconstrained_search
    return self._run(run, prompt, queries, beam_size, None)

  def _run(self, search, prompt, queries, beam_size, excluded) -> Retrieved:
    total = len(queries)
    generator = self._parts.answering(kinds_of(prompt))
    results, pending = [], None
    inputs = np.arange(total), prompt, queries
    for rows, *batch in padded_batches(inputs, self.batch_size):
      options = {}
      if excluded is not None:
        options["allowed"] = self._allowed([excluded[row] for row in rows])
      found = search(
        generator,
        self._variables,
        tuple(batch),
        self._trie,
        beam_size=beam_size,
        **options,
      )
      # Two batches under way at most: each needs its own working memory.
      if pending is not None:
        results.append(jax.device_get(pending))
      pending = found
    results.append(jax.device_get(pending))
    return Retrieved(
      np.concatenate([r.ids for r in results])[:total],
      np.concatenate([r.log_probs for r in results])[:total],
    )

  def _allowed(self, excluded: Sequence[np.ndarray]) -> RowMask:
    """Masks over all IDs: one shape, however many of them were seen."""
    mask = np.ones((len(excluded), self.semantic_ids.num_ids), bool)
    for row, ids in zip(mask, excluded):
      row[ids] = False
    return pack_rows(mask)
