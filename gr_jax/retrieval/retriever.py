"""From prompts to ranked items: generator, trie and reverse index together."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from gr_jax.data.batches import padded_batches
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.filters import RowMask, pack_rows
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.trie import build_trie
from gr_jax.decoding.unconstrained_beam_search import unconstrained_beam_search
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
  """CompiledSearches in batches of one size, so that each search compiles once.

  Args:
    model: the generator.
    params: its parameters.
    semantic_ids: of the catalogue.
    batch_size: requests per call of the compiled search.
  """

  def __init__(
    self,
    generator: Generator,
    params: Any,
    semantic_ids: SemanticIds,
    *,
    batch_size: int = 32,
  ):
    self.semantic_ids = semantic_ids
    self.batch_size = batch_size
    self._params = params
    self._trie = jax.device_put(
      build_trie(semantic_ids.ids, semantic_ids.level_sizes)
    )
    self._searches = {
      name: jax.jit(
        functools.partial(search, generator),
        static_argnames="beam_size",
      )
      for name, search in (
        ("catalogue", beam_search),
        ("free", unconstrained_beam_search),
      )
    }

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
      prompt: of `R` rows.
      queries: `[R, Wq]` tokens.
      beam_size: answers per request.
      excluded: per request, ID rows that it must not get.
    """
    return self._run("catalogue", prompt, queries, beam_size, excluded)

  def unconstrained_search(
    self, prompt: Prompt, queries: np.ndarray, *, beam_size: int
  ) -> Retrieved:
    """As `search`, with nothing that holds the beams in the catalogue."""
    return self._run("free", prompt, queries, beam_size, None)

  def _run(self, name, prompt, queries, beam_size, excluded) -> Retrieved:
    total = len(queries)
    results, pending = [], None
    inputs = np.arange(total), prompt, queries
    for rows, *batch in padded_batches(inputs, self.batch_size):
      options = {}
      if excluded is not None:
        options["allowed"] = self._allowed([excluded[row] for row in rows])
      found = self._searches[name](
        self._params, tuple(batch), self._trie, beam_size=beam_size, **options
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
    """Of all IDs: a mask has one shape, however many of them were seen."""
    mask = np.ones((len(excluded), self.semantic_ids.num_ids), bool)
    for row, ids in zip(mask, excluded):
      row[ids] = False
    return pack_rows(mask)


def expand_items(
  ids: np.ndarray,
  semantic_ids: SemanticIds,
  popularity: np.ndarray,
  *,
  k: int,
  seen: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
  """Items `[R, k]` behind ranked IDs `[R, M]`, -1 where there are no more.

  Items that share an ID follow by popularity, then by row. Our design: the
  generator cannot tell them apart.

  Args:
    ids: rows of the table of IDs, -1 = none.
    semantic_ids: the table.
    popularity: training interactions `[N]`.
    k: items per request.
    seen: per request, items that are left out.
  """
  offsets = semantic_ids.item_offsets
  order = np.lexsort((-popularity[semantic_ids.items], _owners(offsets)))
  items = semantic_ids.items[order]
  out = np.full((len(ids), k), -1, np.int32)
  for r, row in enumerate(ids):
    row = row[row >= 0]
    spans = [items[offsets[i] : offsets[i + 1]] for i in row]
    flat = np.concatenate(spans) if spans else np.zeros(0, np.int64)
    if seen is not None:
      flat = flat[~np.isin(flat, seen[r])]
    out[r, : min(k, len(flat))] = flat[:k]
  return out


def _owners(offsets: np.ndarray) -> np.ndarray:
  return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def fully_seen_ids(
  seen: Sequence[np.ndarray], semantic_ids: SemanticIds
) -> list[np.ndarray]:
  """Per request, the ID rows whose items were all seen."""
  sizes = np.diff(semantic_ids.item_offsets)
  out = []
  for items in seen:
    ids, counts = np.unique(
      semantic_ids.id_of_item[np.unique(items)], return_counts=True
    )
    out.append(ids[counts == sizes[ids]])
  return out
