import numpy as np
import pytest

from gr_jax.candidates.sources.categories import finest_category
from gr_jax.candidates.sources.tastes import Tastes, row_products
from tests.reference import candidate_log, small_world


def described(texts=None, prices=None):
  catalogue = small_world.shop().catalogue
  vectors, _ = candidate_log.vectors()
  source = Tastes(
    catalogue.texts if texts is None else texts,
    catalogue.categories,
    catalogue.prices if prices is None else prices,
    vectors,
  )
  batch = candidate_log.batch()
  found = source.describe(batch, candidate_log.all_pairs(batch))
  found = found.reshape(batch.num_requests, candidate_log.ITEMS, -1)
  return batch, {n: found[..., i] for i, n in enumerate(source.names)}


def histories(batch):
  return [batch.log.requests.history(r) for r in batch.requests[:, 0]]


def test_prices_count_against_their_category_and_unknown_ones_say_nothing():
  values = np.linspace(0, 9, candidate_log.ITEMS).astype(np.float32)
  values[1::7] = np.nan
  batch, found = described(prices=values)
  finest = finest_category(small_world.shop().catalogue.categories)
  z = np.zeros(len(values))
  for c in range(finest.max() + 1):
    some = (finest == c) & (values >= 0)
    z[some] = np.log(values[some] + 0.1) - np.log(values[some] + 0.1).mean()
  for row, history in enumerate(histories(batch)):
    mean = z[history].sum() / (len(history) + 3)
    np.testing.assert_allclose(found["price"][row], z, atol=1e-5)
    np.testing.assert_allclose(found["taste_price"][row], z * mean, atol=1e-5)


def test_vectors_are_means_of_the_history():
  batch, found = described()
  catalogue = small_world.shop().catalogue
  vectors, _ = candidate_log.vectors()
  unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
  finest = finest_category(catalogue.categories)
  residual = unit.copy()
  for c in range(finest.max() + 1):
    residual[finest == c] -= unit[finest == c].mean(0)
  for row, history in enumerate(histories(batch)):
    size = len(history) + 3
    for name, x in (("taste_vectors", residual), ("taste_vectors_whole", unit)):
      np.testing.assert_allclose(
        found[name][row], x @ x[history].sum(0) / size, atol=1e-5
      )


def test_products_row_by_row_are_those_of_the_matrices():
  rng = np.random.default_rng(0)
  rows, vectors = rng.normal(size=(4, 3)), rng.normal(size=(9, 3))
  of, items = np.array([0, 0, 2, 3, 3]), rng.integers(0, 9, 5)
  found = row_products(rows, vectors, of, items)
  np.testing.assert_allclose(found, (rows[of] * vectors[items]).sum(1), 1e-5)


@pytest.mark.parametrize("shown", [True, False])
def test_features_are_finite(shown):
  catalogue = small_world.shop().catalogue
  vectors, _ = candidate_log.vectors()
  no_categories = catalogue.categories[:, :0]
  source = Tastes(
    [""] * 60, no_categories, np.zeros(60, np.float32), 0 * vectors
  )
  batch = candidate_log.batch(shown=shown)
  assert np.isfinite(
    source.describe(batch, candidate_log.all_pairs(batch))
  ).all()
