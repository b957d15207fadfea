import numpy as np
import pytest

from gr_jax.generators.training_examples.item_queries import ItemQueries

TOKENS = 100 + np.arange(5)[:, None] * np.ones((1, 3), int)


def test_a_share_of_queries_are_the_texts_of_their_targets():
  rng = np.random.default_rng(0)
  queries = np.zeros((400, 2, 3), np.int64)
  item = rng.integers(0, 5, (400, 2))
  found = ItemQueries(TOKENS, share=0.3)(queries, item, rng)
  replaced = (found != 0).all(axis=-1)
  assert 0.25 < replaced.mean() < 0.35
  np.testing.assert_array_equal(found[replaced], TOKENS[item[replaced]])
  assert (found[~replaced] == 0).all()


def test_a_share_is_between_nothing_and_all():
  with pytest.raises(ValueError, match=r"text_share is 1\.5"):
    ItemQueries(TOKENS, share=1.5)
