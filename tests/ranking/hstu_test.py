"""HSTU's retriever: what it reads, what it learns."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.ranking.hstu import (
  HSTU,
  HSTUConfig,
  item_vectors,
  newest_states,
  next_item_loss,
  unit,
)
from gr_jax.ranking.transducer import TransducerConfig
from gr_jax.ranking.user_rows import UserRows

ITEMS, T = 20, 7
UNITS = TransducerConfig(
  layers=2, width=8, heads=2, head_size=4, attention="full", divide_by=T,
  relative=T + 1,
)  # fmt: skip


def rows(sizes=(7, 4, 0), seed=0):
  rng = np.random.default_rng(seed)
  there = np.arange(T) < np.array(sizes)[:, None]
  shape = there.shape
  times = np.cumsum(rng.integers(1, 10**5, (shape[0], T + 1)), axis=1)

  def numbers(values, empty):
    return jnp.asarray(np.where(there, values, empty), jnp.int32)

  return UserRows(
    items=numbers(rng.integers(0, ITEMS, shape), -1),
    times=numbers(times[:, :-1], 0),
    after=numbers(rng.integers(0, ITEMS, shape), -1),
    next_times=numbers(times[:, 1:], 0),
  )


@pytest.fixture(scope="module")
def made():
  model = HSTU(HSTUConfig(ITEMS, T, UNITS))
  params = nn.unbox(jax.jit(model.init)(jax.random.key(0), rows()))
  leaves, tree = jax.tree.flatten(params)
  keys = jax.random.split(jax.random.key(1), len(leaves))
  params = [
    leaf + 0.3 * jax.random.normal(key, leaf.shape)
    for leaf, key in zip(leaves, keys, strict=True)
  ]
  return model, jax.tree.unflatten(tree, params)


def test_states_are_of_unit_length_and_read_the_past_alone(made):
  model, params = made
  run = jax.jit(model.apply)
  batch = rows()
  states = run(params, batch)
  norms = jnp.linalg.norm(states, axis=-1)
  np.testing.assert_allclose(norms[batch.items >= 0], 1, atol=1e-5)
  later = batch.replace(items=batch.items.at[0, 4:].set(3))
  np.testing.assert_allclose(
    run(params, later)[0, :4], states[0, :4], atol=1e-6
  )
  assert np.abs(run(params, later)[0, 4:] - states[0, 4:]).max() > 1e-3


def test_places_of_others_and_empty_ones_change_nothing(made):
  model, params = made
  run = jax.jit(model.apply)
  batch = rows()
  fewer = jax.tree.map(lambda x: x[1:2, :4], batch)
  np.testing.assert_allclose(
    run(params, fewer)[0], run(params, batch)[1, :4], atol=1e-6
  )


def test_the_time_of_the_request_is_read(made):
  model, params = made
  batch = rows()
  states = newest_states(model, params, batch)
  later = batch.next_times.at[1, 3].add(10**7)
  moved = newest_states(model, params, batch.replace(next_times=later))
  assert np.abs(moved[1] - states[1]).max() > 1e-4
  np.testing.assert_allclose(moved[0], states[0], atol=1e-6)


def test_the_loss_is_that_of_a_loop(made):
  model, params = made
  batch, drawn = rows(), jnp.array([[3, 11, 3, 19], [0, 1, 2, 3], [5, 5, 5, 5]])
  found, _ = next_item_loss(model, params, batch, negatives=4, drawn=drawn)
  states = np.asarray(model.apply(params, batch))
  table = np.asarray(unit(params["params"]["items"]))
  losses = []
  for b, t in zip(*np.nonzero(np.asarray(batch.after) >= 0), strict=True):
    wanted = int(batch.after[b, t])
    others = [int(j) for j in drawn[b] if j != wanted]
    scores = np.array([table[j] @ states[b, t] for j in (wanted, *others)])
    scores = scores / model.config.temperature
    losses.append(np.log(np.exp(scores - scores[0]).sum()))
  np.testing.assert_allclose(found, np.mean(losses), rtol=1e-5)


def test_gradients_are_finite_where_rows_are_empty(made):
  model, params = made

  def loss(params):
    return next_item_loss(
      model, params, rows((7, 0, 2)), key=jax.random.key(0), negatives=ITEMS
    )[0]

  gradients = jax.jit(jax.grad(loss))(params)
  assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))


def test_dropout_is_for_training_alone():
  units = dataclasses.replace(UNITS, dropout=0.5)
  model = HSTU(HSTUConfig(ITEMS, T, units))
  params = nn.unbox(jax.jit(model.init)(jax.random.key(0), rows()))
  drawn = jnp.broadcast_to(jnp.arange(ITEMS), (3, ITEMS))
  one, two, without = (
    next_item_loss(
      model, params, rows(), key=key, negatives=ITEMS, drawn=drawn
    )[0]
    for key in (jax.random.key(1), jax.random.key(2), None)
  )
  assert one != two
  assert without not in (one, two)


def test_a_temperature_of_nothing_is_refused():
  with pytest.raises(ValueError, match="temperature"):
    HSTUConfig(ITEMS, T, UNITS, temperature=0)


def test_vectors_of_items_are_of_unit_length(made):
  vectors = item_vectors(made[1])
  np.testing.assert_allclose(jnp.linalg.norm(vectors, axis=-1), 1, atol=1e-5)
