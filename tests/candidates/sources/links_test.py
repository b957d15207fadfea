import numpy as np
from scipy import sparse

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs
from gr_jax.candidates.sources.likeness import Likeness
from tests.reference.small_links import batch_of, dense, newest


def test_likeness_is_read_by_the_newest_items_and_proposes_the_best():
  batch = batch_of([[0, 1, 2, 3], [3, 2, 1, 0]])
  likeness = np.random.default_rng(0).random((4, 4)).astype(np.float32)
  source = Likeness("l", sparse.csr_array(likeness))
  scores = dense(source.scores(batch), len(batch.requests))
  for row in range(len(batch.requests)):
    expected = newest(batch, row, 4) @ likeness
    np.testing.assert_allclose(scores[row], expected, rtol=1e-5)
  source.measure(batch)
  pairs = Pairs(np.arange(4 * len(batch.requests)), 4)
  found = source.describe(batch, pairs).reshape(len(batch.requests), 4, 3)
  unit = np.median(scores[scores > 0])
  np.testing.assert_allclose(found[..., 0], np.log1p(scores / unit), rtol=1e-5)
  new = np.ones_like(scores, bool)
  new[batch.bought(4)] = False
  top = np.where(new, scores, 0).max(1, keepdims=True)
  top = np.where(top > 0, top, scores.max(1, keepdims=True))
  np.testing.assert_allclose(
    found[..., 1], np.log(scores / np.maximum(top, 1e-12) + 0.01), rtol=1e-5
  )
  unbought = np.where(new, scores, 0)
  place = np.argsort(np.argsort(-unbought, axis=1), axis=1)
  place = np.where(unbought > 0, place, 48)
  np.testing.assert_allclose(found[..., 2], -np.log1p(place), rtol=1e-6)
  proposed = source.propose(batch)
  linked = {(r, i) for r, i in zip(*np.nonzero(unbought > 0))}
  assert set(zip(proposed.owners, proposed.items)) == linked


def test_a_new_item_has_the_links_of_its_neighbours_on_average():
  rng = np.random.default_rng(0)
  links = rng.random((4, 4)).astype(np.float32)
  vectors = np.array([[1, 0], [1, 0], [0, 1], [-1, 0], [1, 0], [0, 3]])
  source = Likeness("l", sparse.csr_array(links))
  facts = ItemFacts(
    np.array(list("abcdef"), object), np.zeros((6, 0)), np.zeros(6), vectors
  )
  grown = source.grown(facts)
  lent = facts.neighbours_of_new(4).toarray()
  np.testing.assert_allclose(lent[0], [0.5, 0.5, 0, 0], atol=1e-6)
  np.testing.assert_allclose(lent[1], [0, 0, 1, 0], atol=1e-6)
  expected = np.zeros((6, 6))
  expected[:4, :4] = links
  expected[4:, :4] = lent @ links
  expected[:4, 4:] = links @ lent.T
  expected[4:, 4:] = lent @ links @ lent.T
  batch = batch_of([[0, 1, 2, 3], [3, 2, 1, 0]])
  for row, scores in enumerate(dense(grown.scores(batch), len(batch.requests))):
    wanted = newest(batch, row, 6) @ expected
    np.testing.assert_allclose(scores, wanted, rtol=1e-5)
  assert grown.num_items == 6
  assert 4 in grown.propose(batch).items
