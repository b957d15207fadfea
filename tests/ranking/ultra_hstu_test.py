"""The laws of ULTRA-HSTU's ranking network."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.ranking.event_embedding import EventsConfig
from gr_jax.ranking.sequences import Targets
from gr_jax.ranking.transducer import TransducerConfig
from gr_jax.ranking.ultra_hstu import UltraHSTU, UltraHSTUConfig
from tests.reference.packed_rows import ACTIONS, CONTEXT, ITEMS, packed_rows

SMALL = TransducerConfig(
  layers=2, width=8, heads=2, head_size=4, local=5, prefix=3, block=4
)
USERS, OWNERS = [9, 3, 14], [0, 2, 1, 2, 0, 2]


def network(*, events="summed", streams=1, late=0, matches=True, **changes):
  tables = EventsConfig(ITEMS, ACTIONS, CONTEXT, (3,), events)
  early = dataclasses.replace(SMALL, **changes)
  return UltraHSTU(
    UltraHSTUConfig(
      tables, early, late, tasks=2, streams=streams, matches=matches
    )
  )


CATEGORIES = np.random.default_rng(0).integers(-1, 3, (ITEMS, 1))


@functools.lru_cache
def apply(model):
  return jax.jit(lambda params, batch: model.apply(params, batch, CATEGORIES))


@functools.lru_cache
def method(model, name):
  return jax.jit(
    lambda params, *given: model.apply(params, *given, CATEGORIES, method=name)
  )


@functools.lru_cache
def parameters(model, batches=1):
  """Random parameters, those of the last product too."""
  batch = packed_rows(USERS, targets=OWNERS)
  given = [batch] * batches if batches > 1 else batch
  params = jax.jit(model.init)(jax.random.key(0), given, CATEGORIES)
  leaves, tree = jax.tree.flatten(params)
  keys = jax.random.split(jax.random.key(1), len(leaves))
  return jax.tree.unflatten(
    tree,
    [
      leaf + 0.3 * jax.random.normal(key, leaf.shape)
      for leaf, key in zip(leaves, keys)
    ],
  )


def scores(model, batch):
  return np.asarray(apply(model)(parameters(model), batch))


def close(a, b):
  np.testing.assert_allclose(a, b, atol=2e-6, rtol=2e-6)


def test_windows_that_hold_all_are_full_attention():
  batch = packed_rows(USERS, targets=OWNERS)
  full = network(attention="full")
  for changes in ({"local": 40}, {"prefix": 40}):
    model = network(**changes)
    found = apply(model)(parameters(full), batch)
    close(found, scores(full, batch))


@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("attention", ["semi_local", "full", "cross"])
def test_targets_do_not_know_each_other(attention, late):
  model = network(attention=attention, late=late)
  batch = packed_rows(USERS, targets=OWNERS, late=4 if late else 0)
  all_of_them = scores(model, batch)
  order = np.array([4, 0, 3])
  fewer = jax.tree.map(lambda x: x[:, order], batch.targets)
  close(scores(model, batch.replace(targets=fewer)), all_of_them[:, order])


@pytest.mark.parametrize("relative", [0, 40])
@pytest.mark.parametrize("events", ["summed", "interleaved"])
def test_what_comes_later_changes_nothing(events, relative):
  attention = "full" if relative else "semi_local"
  model = network(events=events, attention=attention, relative=relative)
  batch = packed_rows(USERS, targets=OWNERS)
  history = batch.history
  at = (history.owners == 2) & (history.places >= 9)
  seen = np.where(batch.targets.owners == 2, 9, batch.targets.seen)
  batch = batch.replace(targets=batch.targets.replace(seen=seen))
  later = history.replace(
    items=np.where(at, (history.items + 7) % ITEMS, history.items),
    actions=np.where(at, (history.actions + 1) % ACTIONS, history.actions),
    times=np.where(at, history.times + 5, history.times),
  )
  close(scores(model, batch), scores(model, batch.replace(history=later)))


def test_the_answer_to_a_target_is_not_read():
  model = network()
  batch = packed_rows(USERS, targets=OWNERS)
  other = batch.targets.replace(labels=1 - batch.targets.labels)
  np.testing.assert_array_equal(
    scores(model, batch), scores(model, batch.replace(targets=other))
  )


def test_an_event_is_one_place_or_two():
  batch = packed_rows(USERS, targets=OWNERS)
  sizes = {}
  for events in ("summed", "interleaved"):
    model = network(events=events, attention="full")
    encoded = method(model, "encode")(parameters(model), batch)
    sizes[events] = encoded[0].read[0].shape[2]
  assert sizes["interleaved"] == 2 * sizes["summed"]


def test_truncation_that_keeps_all_is_none():
  batch = packed_rows(USERS, targets=OWNERS, late=99)
  model = network(late=2)
  close(scores(model, batch), scores(model, batch.replace(kept=None)))


def test_truncation_keeps_context_and_the_newest_events():
  model = network(late=1, layers=1, prefix=1)
  batch = packed_rows(USERS, targets=OWNERS, late=4)
  encoded = method(model, "encode")(parameters(model), batch)
  places = encoded[0].late_places
  for user, size in enumerate(USERS):
    seen_as = np.asarray(places.seen_as)[places.owners == user]
    newest = range(max(size - 4, 0) + 1, size + 1)
    np.testing.assert_array_equal(seen_as, [0, *newest])
    own = np.asarray(places.places)[places.owners == user]
    np.testing.assert_array_equal(own, np.arange(len(own)))


@pytest.mark.parametrize("late", [0, 1])
def test_kept_states_give_the_scores_of_a_whole_pass(late):
  model = network(late=late)
  batch = packed_rows(USERS, targets=OWNERS, late=4 if late else 0)
  params = parameters(model)
  encoded = method(model, "encode")(params, batch)
  found = method(model, "score")(params, encoded, batch.targets)
  close(found, scores(model, batch))


def test_users_of_a_row_do_not_know_each_other():
  model = network()
  batch = packed_rows(USERS, targets=OWNERS)
  mine = batch.targets.owners[0] == 2
  cut = -(-10 // 4) * 4 + -(-4 // 4) * 4  # Blocks of users 0 and 1.
  history = jax.tree.map(lambda x: x[:, cut:], batch.history)
  history = history.replace(owners=np.where(history.owners == 2, 0, -1))
  targets = jax.tree.map(lambda x: x[:, mine], batch.targets)
  targets = targets.replace(owners=np.zeros_like(targets.owners))
  alone = batch.replace(history=history, targets=targets)
  close(scores(model, alone), scores(model, batch)[:, mine])


def test_a_mixture_of_one_transducer_is_the_plain_network():
  batch = packed_rows(USERS, targets=OWNERS)
  model = network()
  given = apply(model)(parameters(model), [batch])
  np.testing.assert_array_equal(given, scores(model, batch))


def test_a_mixture_scores_by_all_of_its_streams():
  model = network(streams=2)
  batch = packed_rows(USERS, targets=OWNERS)
  few = packed_rows([2, 2, 2], targets=OWNERS, seed=3)
  params = parameters(model, 2)
  found = apply(model)(params, [batch, few])
  assert found.shape == (1, len(OWNERS), 2)
  for one in (0, 1):
    changed = [batch, few]
    changed[one] = changed[one].replace(
      history=changed[one].history.replace(
        actions=(changed[one].history.actions + 1) % ACTIONS
      )
    )
    assert np.abs(apply(model)(params, changed) - found).max() > 1e-4
  encoded = method(model, "encode")(params, [batch, few])
  targets = [batch.targets, few.targets]
  again = method(model, "score")(params, encoded, targets)
  close(again, found)


def test_remat_changes_memory_and_nothing_else():
  batch = packed_rows(USERS, targets=OWNERS)

  def gradient(model):
    def loss(params):
      return jnp.sum(model.apply(params, batch, CATEGORIES) ** 2)

    return jax.jit(jax.grad(loss))(parameters(network()))

  plain = gradient(network())
  for remat in ("full", "dots"):
    for a, b in zip(
      jax.tree.leaves(plain), jax.tree.leaves(gradient(network(remat=remat)))
    ):
      np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-4)


def test_nobody_has_to_be_there():
  model = network()
  batch = packed_rows([0, 3], targets=[0, 1])
  empty = batch.targets.replace(owners=np.array([[0, -1]]))
  assert np.isfinite(scores(model, batch.replace(targets=empty))).all()
  assert isinstance(empty, Targets)


@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("events", ["summed", "interleaved"])
def test_a_relative_bias_reads_times_and_kept_states_give_the_same(
  events, late
):
  model = network(events=events, attention="full", relative=40, late=late)
  batch = packed_rows(USERS, targets=OWNERS, late=4 if late else 0)
  found = scores(model, batch)
  kept = method(model, "encode")(parameters(model), batch)
  close(method(model, "score")(parameters(model), kept, batch.targets), found)
  sooner = batch.targets.replace(times=batch.targets.times // 2)
  other = scores(model, batch.replace(targets=sooner))
  assert np.abs(other - found).max() > 1e-5


def test_a_relative_bias_is_for_full_attention():
  with pytest.raises(ValueError, match=r"model\.relative \(40\) is for full"):
    network(relative=40)
