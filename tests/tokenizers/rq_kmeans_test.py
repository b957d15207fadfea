import functools

import jax
import numpy as np
import pytest

from gr_jax.clustering import balanced_kmeans
from gr_jax.tokenizers import quantizers, rq_kmeans

X = jax.random.normal(jax.random.key(0), (400, 8))
CONFIG = rq_kmeans.RqKMeansConfig(levels=(8, 6, 4))


@pytest.fixture(scope="module")
def fitted():
  return rq_kmeans.fit(X, config=CONFIG, key=jax.random.key(1))


def test_each_level_lowers_the_error(fitted):
  errors = [np.square(X).sum(1).mean(), *fitted.errors]
  assert (np.diff(errors) < 0).all()


def test_encode_repeats_the_codes_it_was_fitted_with(fitted):
  codes = rq_kmeans.RqKMeans(fitted.codebooks).encode(X)
  assert codes.dtype == np.int32
  np.testing.assert_array_equal(codes, fitted.codes)


def test_the_last_error_is_that_of_the_sum_of_rows(fitted):
  restored = quantizers.sum_codes(fitted.codes, fitted.codebooks)
  gap = np.square(X - restored).sum(1).mean()
  np.testing.assert_allclose(gap, fitted.errors[-1], rtol=1e-5)


def test_codes_of_a_row_do_not_depend_on_its_company(fitted):
  alone = rq_kmeans.RqKMeans(fitted.codebooks).encode(X[:3])
  np.testing.assert_array_equal(alone, fitted.codes[:3])


def test_balanced_levels_use_every_code_equally():
  config = rq_kmeans.RqKMeansConfig(
    (8, 4), functools.partial(balanced_kmeans.fit, iterations=3)
  )
  fitted = rq_kmeans.fit(X, config=config, key=jax.random.key(1))
  for level, size in enumerate(config.levels):
    counts = np.bincount(fitted.codes[:, level])
    np.testing.assert_array_equal(counts, np.full(size, 400 // size))
