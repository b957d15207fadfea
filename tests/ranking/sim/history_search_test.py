import jax.numpy as jnp
import numpy as np

from gr_jax.ranking.sim.history_search import (
  Events,
  hard_search,
  keep_best,
  soft_search,
)


def events():
  """Two histories of five events; the second is two events long."""
  rng = np.random.default_rng(0)
  return Events(
    vectors=jnp.asarray(rng.normal(size=(2, 5, 3)), jnp.float32),
    categories=jnp.array([[1, 2, 1, 1, 2], [-1, -1, 0, 1, -1]]),
    ages=jnp.arange(10.0).reshape(2, 5),
    mask=jnp.array([[1, 1, 1, 1, 1], [0, 0, 0, 1, 1]], bool),
  )


def kept_ages(search, vectors, categories, k):
  found = keep_best(events(), search(vectors, categories, events()), k=k)
  return [
    sorted(ages[mask].tolist())
    for ages, mask in zip(np.asarray(found.ages), np.asarray(found.mask))
  ]


def test_the_hard_search_keeps_the_newest_of_the_category():
  nothing = jnp.zeros((2, 3))
  assert kept_ages(hard_search, nothing, jnp.array([1, 1]), 2) == [
    [2, 3],
    [8],
  ]


def test_what_is_masked_or_unknown_is_not_found():
  """Category 0 stands at a masked event; -1 is not a category."""
  nothing = jnp.zeros((2, 3))
  assert kept_ages(hard_search, nothing, jnp.array([3, 0]), 5) == [[], []]
  assert kept_ages(hard_search, nothing, jnp.array([-1, -1]), 5) == [[], []]


def test_the_soft_search_keeps_the_largest_products():
  vectors = jnp.array([[1.0, 0, 0], [0, 1, 0]])
  products = np.asarray(events().vectors[0, :, 0])
  best = sorted(np.argsort(-products)[:3].tolist())
  found = kept_ages(soft_search, vectors, jnp.array([-1, -1]), 3)
  assert found == [best, [8, 9]]


def test_fewer_events_than_places_are_all_kept():
  found = keep_best(events(), jnp.zeros((2, 5)), k=9)
  assert found.vectors.shape == (2, 5, 3)
