import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.ranking.sim.history_search import Events, soft_search
from gr_jax.ranking.sim.network import (
  Candidates,
  NetworkConfig,
  PreferenceNetwork,
)

CONFIG = NetworkConfig(kept=2, width=8, heads=2, hidden=(8,))
B, T, D = 3, 6, 4


def candidates(seed=0):
  rng = np.random.default_rng(seed)
  normal = lambda *shape: jnp.asarray(rng.normal(size=shape), jnp.float32)  # noqa: E731
  return Candidates(
    vectors=normal(B, D),
    categories=jnp.array([0, 1, 2]),
    popularity=normal(B),
    queries=normal(B, 5),
    events=Events(
      vectors=normal(B, T, D),
      categories=jnp.asarray(rng.integers(0, 3, (B, T))),
      ages=jnp.abs(normal(B, T)),
      mask=jnp.arange(T) >= jnp.array([[0], [2], [T]]),
    ),
  )


@functools.cache
def built(config=CONFIG):
  network = PreferenceNetwork(config)
  params = jax.jit(network.init)(jax.random.key(0), candidates())
  return params, jax.jit(network.apply)


def test_rows_do_not_read_each_other():
  params, apply = built()
  whole = apply(params, candidates())
  for b in range(B):
    row = jax.tree.map(lambda x, b=b: x[b : b + 1], candidates())
    np.testing.assert_allclose(apply(params, row), whole[b : b + 1], atol=1e-5)


def test_masked_events_do_not_matter():
  params, apply = built()
  base = candidates()
  worst = base.events.replace(
    vectors=jnp.where(base.events.mask[..., None], base.events.vectors, 1e6),
    ages=jnp.where(base.events.mask, base.events.ages, 1e6),
  )
  np.testing.assert_allclose(
    apply(params, base.replace(events=worst)), apply(params, base), atol=1e-5
  )


@pytest.mark.parametrize("part", ["vectors", "queries", "popularity"])
def test_item_query_and_popularity_are_read(part):
  params, apply = built()
  other = candidates().replace(**{part: getattr(candidates(1), part)})
  moved = apply(params, other) - apply(params, candidates())
  assert (np.abs(moved) > 1e-4).all()


def test_attention_reads_the_kept_events_and_no_others():
  """The soft search keeps two; moving an event that is not kept along the
  user's mean leaves everything as it was."""
  config = dataclasses.replace(CONFIG, search=soft_search)
  params, apply = built(config)
  base = candidates()
  row = base.events.vectors[0]
  order = np.argsort(np.asarray(row @ base.vectors[0]))
  low, lower = int(order[0]), int(order[1])
  swapped = row.at[low].set(row[lower]).at[lower].set(row[low])
  vectors = base.events.vectors.at[0].set(swapped)
  other = base.replace(events=base.events.replace(vectors=vectors))
  np.testing.assert_allclose(
    apply(params, other), apply(params, base), atol=1e-5
  )
  best = int(order[-1])
  vectors = base.events.vectors.at[0, best].multiply(1.5)
  other = base.replace(events=base.events.replace(vectors=vectors))
  assert abs(apply(params, other)[0] - apply(params, base)[0]) > 1e-4


def test_heads_must_divide_the_width():
  with pytest.raises(ValueError, match=r"heads \(3\) must divide width \(8\)"):
    NetworkConfig(width=8, heads=3)
