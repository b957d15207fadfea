"""Items: latent vectors follow the taxonomy, words name what they stand for."""

import numpy as np
import pytest

from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_items import make_items, zipf_sample


@pytest.fixture(scope="module")
def items():
  return make_items(
    np.random.default_rng(0),
    ShopWorldConfig(num_items=4000, num_categories=10, clusters_each=5),
  )


def test_variance_within_clusters_and_categories_is_as_stated(items):
  near = items.x - items.centres[items.cluster]
  assert np.square(near).sum(1).mean() == pytest.approx(0.35**2, rel=0.05)
  by_category = items.centres.reshape(10, 5, 32)
  spread = by_category.var(axis=1, ddof=1).sum(1).mean()
  assert spread == pytest.approx(0.7**2, rel=0.25)
  np.testing.assert_array_equal(items.category, items.cluster // 5)


def test_popularity_is_zipf(items):
  ranked = np.sort(items.popularity)[::-1]
  np.testing.assert_allclose(ranked.sum(), 1)
  np.testing.assert_allclose(ranked[0] / ranked[9], 10**1.1)


def test_titles_use_the_words_of_their_cluster_and_category(items):
  for row in range(0, 4000, 97):
    brand, *words = items.titles[row].split()
    allowed = {
      *items.words[items.category_words[items.category[row]]],
      *items.words[items.cluster_words[items.cluster[row]]],
    }
    assert set(words) <= allowed
    assert brand not in allowed
    assert len(set(words)) == len(words)


def test_words_are_distinct_and_two_of_a_category_are_shared(items):
  assert len(set(items.words)) == len(items.words)
  for k in range(10):
    after = set(items.category_words[(k + 1) % 10].tolist())
    assert len(after & set(items.category_words[k].tolist())) == 2


def test_a_word_stands_for_the_mean_of_its_owners(items):
  word = items.cluster_words[3, 0]
  np.testing.assert_allclose(items.word_x[word], items.centres[3], rtol=1e-5)
  brands = items.word_x[-300:]
  assert (brands == 0).all()


def test_zipf_sample_follows_its_exponent():
  draws = zipf_sample(np.random.default_rng(0), 4, exponent=1.0, size=40_000)
  counts = np.bincount(draws, minlength=4)
  expected = np.array([12, 6, 4, 3]) / 25
  np.testing.assert_allclose(counts / 40_000, expected, atol=0.01)
