"""What one generator finds."""

import numpy as np

from experiments.studies.search_hits import id_hits, trie_of
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.plain_lists import from_lists

IDS = SemanticIds(np.array([[0, 1], [0, 1], [1, 0], [1, 1]]), (2, 2))


def test_an_id_is_a_hit_when_it_names_a_relevant_item():
  found = id_hits(np.array([[0, 1], [2, -1]]), from_lists([[1], [0, 2]]), IDS)
  np.testing.assert_array_equal(found, [[True, False], [False, False]])


def test_tries_of_one_catalogue_have_one_shape():
  """All seeds and variants share a compilation."""
  other = SemanticIds(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), (2, 2))
  assert [x.shape for x in jax_leaves(trie_of(IDS))] == [
    x.shape for x in jax_leaves(trie_of(other))
  ]


def jax_leaves(tree):
  import jax

  return [x for x in jax.tree.leaves(tree) if hasattr(x, "shape")]
