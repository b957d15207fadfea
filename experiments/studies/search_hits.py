"""What one generator finds: IDs inside the catalogue, and any codes.

Generators of one shape share a compilation, and tries are data: with `trie_of`
all seeds and variants of a study do.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from experiments.pipeline.train import Generator
from gr_jax.data.batches import padded_batches
from gr_jax.data.row_lists import RowLists
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import Trie, build_trie
from gr_jax.decoding.unconstrained_beam_search import unconstrained_beam_search
from gr_jax.evaluation import metrics
from gr_jax.tokenizers.semantic_ids import SemanticIds

# How an ID is found: only such as name an item, or any codes, of which those
# that name none are hallucinations.
DECODINGS = {
  "catalogue": beam_search,
  "unconstrained": unconstrained_beam_search,
}


@functools.partial(jax.jit, static_argnames=("model", "decoding", "beam"))
def _search(params, batch, trie, *, model, decoding, beam):
  found = DECODINGS[decoding](model, params, batch, trie, beam_size=beam)
  return found.ids


def searcher(
  generator: Generator, semantic_ids: SemanticIds, *, batch_size: int
) -> Callable[..., np.ndarray]:
  """`search` of a generator and its catalogue."""
  trie = trie_of(semantic_ids)
  return functools.partial(search, generator, trie, batch_size=batch_size)


def trie_of(semantic_ids: SemanticIds) -> Trie:
  """A trie with room for any IDs of this catalogue."""
  return build_trie(
    semantic_ids.ids,
    semantic_ids.level_sizes,
    capacity=len(semantic_ids),
    branches=semantic_ids.level_sizes,
  )


def search(
  generator: Generator,
  trie: Trie,
  prompts: Any,
  *,
  beam: int,
  batch_size: int,
  decoding: str = "catalogue",
) -> np.ndarray:
  """Rows `[R, beam]` of the table of IDs, best first, -1 = names nothing.

  Args:
    generator: The generator that is searched.
    trie: The catalogue.
    prompts: The prompt and query tokens of `R` requests.
    beam: The number of IDs per request.
    batch_size: The number of requests per search.
    decoding: One of `DECODINGS`.
  """
  batches = padded_batches(jax.tree.map(np.asarray, prompts), batch_size)
  options = {"model": generator.model, "decoding": decoding, "beam": beam}
  found = [
    _search(generator.params, batch, trie, **options) for batch in batches
  ]
  return np.concatenate(jax.device_get(found))[: len(prompts[1])]


def id_hits(
  ids: np.ndarray, relevant: RowLists, semantic_ids: SemanticIds
) -> np.ndarray:
  """`[R, M]` bool: an ID is a hit when it names a relevant item.

  Args:
    ids: `[R, M]` rows of the table of IDs, best first.
    relevant: The relevant items of the same requests.
    semantic_ids: The IDs of the catalogue.
  """
  named = RowLists(relevant.offsets, semantic_ids.id_of_item[relevant.rows])
  return metrics.hit_matrix(ids, named)
