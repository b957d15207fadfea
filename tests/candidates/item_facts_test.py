import numpy as np
import pytest

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.data.catalogue import object_array
from gr_jax.text.encoder import unit_rows


def facts(vectors) -> ItemFacts:
  N = len(vectors)
  texts = object_array([str(row) for row in range(N)])
  return ItemFacts(texts, np.zeros((N, 0), int), np.zeros(N), vectors)


def test_new_items_are_like_their_nearest_ten():
  vectors = np.random.default_rng(0).normal(size=(25, 4))
  found = facts(vectors).neighbours_of_new(22).toarray()
  assert found.shape == (3, 22)
  for row, vector in enumerate(unit_rows(vectors)[22:]):
    cosines = unit_rows(vectors)[:22] @ vector
    best = np.argsort(-cosines)[:10]
    weights = np.exp((cosines[best] - cosines.max()) / 0.05)
    weights *= cosines[best] > 0
    expected = np.zeros(22)
    expected[best] = weights / weights.sum()
    np.testing.assert_allclose(found[row], expected, atol=1e-6)


@pytest.mark.parametrize("old", [1, 3])
def test_an_item_without_a_vector_is_like_nothing(old):
  vectors = np.ones((old + 2, 3))
  vectors[-1] = 0
  found = facts(vectors).neighbours_of_new(old).toarray()
  np.testing.assert_allclose(found.sum(axis=1), [1, 0], atol=1e-6)
