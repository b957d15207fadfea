"""What one generator finds: IDs inside the catalogue, and any codes.

Generators of one shape share a compilation, and tries are data: with `trie_of`
all seeds and variants of a study do.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from experiments.pipeline.train import TrainedGenerator
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


def trie_of(semantic_ids: SemanticIds) -> Trie:
  """A trie with room for any IDs of this catalogue."""
  return build_trie(
    semantic_ids.ids,
    semantic_ids.level_sizes,
    capacity=len(semantic_ids),
    branches=semantic_ids.level_sizes,
  )


def searcher(
  generator: TrainedGenerator, semantic_ids: SemanticIds, *, batch_size: int
) -> Callable[..., np.ndarray]:
  """A search of the catalogue by a generator, `batch_size` requests at a time.

  Of the prompt and query tokens of `R` requests it gives rows `[R, beam]` of
  the table of IDs, best first, -1 = names nothing.
  """
  trie = trie_of(semantic_ids)

  def search(
    prompts: Any, *, beam: int, decoding: str = "catalogue"
  ) -> np.ndarray:
    options = {"model": generator.model, "decoding": decoding, "beam": beam}
    batches = padded_batches(jax.tree.map(np.asarray, prompts), batch_size)
    found = [_search(generator.params, one, trie, **options) for one in batches]
    return np.concatenate(jax.device_get(found))[: len(prompts[1])]

  return search


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
