"""Rows say of every target what its example says."""

import dataclasses

import chex
import jax
import numpy as np
import pytest

from gr_jax.data.requests import TRAIN
from gr_jax.ranking.batches import BatchWriter, RowsConfig, empty_batch
from gr_jax.ranking.examples import ExamplesConfig, make_examples
from tests.ranking.examples_test import world

CONFIG = RowsConfig(rows=2, places=64, targets=48, block=8, kept=5)


def writer(config=CONFIG, **options):
  examples = make_examples(
    world(), ExamplesConfig(length=30, targets=24, **options), split=TRAIN
  )
  return BatchWriter(world(), examples, config), examples


def test_every_target_is_written_once_beside_its_own_past():
  log = world()
  write, examples = writer()
  origin = log.event_time.min()
  met = []
  for rows in write.in_order():
    batch, pairs = write.write(rows), write.pairs(rows)
    history, targets = batch.history, batch.targets
    np.testing.assert_array_equal(pairs >= 0, targets.owners >= 0)
    np.testing.assert_array_equal(pairs >= 0, targets.weights[..., 0] > 0)
    for r, t in zip(*np.nonzero(pairs >= 0)):
      pair = pairs[r, t]
      met.append(pair)
      request = examples.pairs.requests[pair]
      mine = history.owners[r] == targets.owners[r, t]
      mine &= history.places[r] < targets.seen[r, t]
      event = mine & (history.items[r] >= 0)
      past = log.history(request)
      past = past[len(past) - event.sum() :]
      np.testing.assert_array_equal(history.items[r, event], past)
      assert (history.times[r, event] + origin < log.time[request]).all()
      token = np.flatnonzero(mine & (history.context[r] >= 0))
      assert history.context[r, token] == [log.user[request] % CONFIG.context]
      assert targets.items[r, t] == examples.pairs.items[pair]
      assert targets.times[r, t] + origin == log.time[request]
      assert targets.labels[r, t, 0] == examples.pairs.labels[pair, 0]
      at = log.user_offsets[log.user[request]] + len(log.history(request))
      actions = log.event_action[at - event.sum() : at]
      np.testing.assert_array_equal(history.actions[r, event], actions + 1)
  assert sorted(met) == [*range(len(examples.pairs.items))]


def test_users_lie_in_whole_blocks_that_begin_with_their_first_place():
  write, _ = writer()
  for rows in write.in_order():
    history = write.write(rows).history
    owners = history.owners.reshape(CONFIG.rows, -1, CONFIG.block)
    places = history.places.reshape(owners.shape)
    there = owners >= 0
    # The empty places of a block are its last.
    assert (there[..., 1:] <= there[..., :-1]).all()
    first = np.where(there[..., :1], owners[..., :1], -1)
    assert ((owners == first) | ~there).all()
    assert (places[..., 0] % CONFIG.block == 0).all()


def test_what_is_kept_is_the_token_and_the_newest_in_whole_blocks():
  write, _ = writer()
  for rows in write.in_order():
    batch = write.write(rows)
    owners, places = batch.history.owners, batch.history.places
    for r in range(CONFIG.rows):
      kept = batch.kept[r]
      whose = np.where(kept >= 0, owners[r, kept], -1)
      for user in range(owners[r].max() + 1):
        found = places[r, kept[whose == user]]
        size = (owners[r] == user).sum() - 1
        newest = range(max(size - CONFIG.kept, 0) + 1, size + 1)
        assert found.tolist() == [0, *newest]
        assert np.flatnonzero(whose == user)[0] % CONFIG.block == 0


def test_a_batch_follows_from_its_number_and_the_share_is_counted():
  write, _ = writer()
  epochs = write.epochs()
  rows = epochs.rows(3)
  again = writer()[0].epochs().rows(3)
  for a, b in zip(rows, again, strict=True):
    np.testing.assert_array_equal(a.examples, b.examples)
  there = write.write(rows).history.owners[: len(rows)] >= 0
  assert write.useful_share(rows) == pytest.approx(there.mean())


def test_cut_histories_are_subsets_in_order_that_tell_nothing_of_the_present():
  log = world()
  config = dataclasses.replace(CONFIG, alpha=1.0)
  write, examples = writer(config)
  epochs = write.epochs()
  cut, i, met = 0, 0, []
  while (rows := epochs.rows(i))[0].epoch == 0:
    batch, pairs = write.write(rows), write.pairs(rows)
    again = write.write(epochs.rows(i))
    chex.assert_trees_all_equal(batch, again)
    i += 1
    history, targets = batch.history, batch.targets
    for r, t in zip(*np.nonzero(pairs >= 0)):
      pair = pairs[r, t]
      met.append(pair)
      request = examples.pairs.requests[pair]
      example = np.searchsorted(examples.offsets, pair, side="right") - 1
      mine = (history.owners[r] == targets.owners[r, t]) & (
        history.items[r] >= 0
      )
      read = np.stack([history.times[r, mine], history.items[r, mine]], axis=1)
      span = slice(examples.begin[example], examples.end[example])
      first = log.event_time.min()
      whole = np.stack(
        [log.event_time[span] - first, log.event_item[span]], axis=1
      )
      assert set(map(tuple, read)) <= set(map(tuple, whole))
      assert (np.diff(read[:, 0]) >= 0).all()
      assert len(read) in {len(whole), min(len(whole), 5)}
      cut += len(read) < len(whole)
      past = history.times[r, mine] + first < log.time[request]
      assert targets.seen[r, t] - 1 == past.sum()
    there = history.owners[: len(rows)] >= 0
    assert write.useful_share(rows) == pytest.approx(there.mean())
  assert sorted(met) == [*range(len(examples.pairs.items))]
  assert cut
  # What is evaluated is whole.
  assert all(row.epoch is None for row in write.in_order()[0])


def test_a_batch_of_no_rows_is_empty():
  found = writer()[0].write([])
  expected = empty_batch(CONFIG, tasks=1, kept=found.kept.shape[1])
  for a, b in zip(
    jax.tree.leaves(found), jax.tree.leaves(expected), strict=True
  ):
    np.testing.assert_array_equal(a, b)
  assert (found.history.owners < 0).all()
  assert (found.targets.weights == 0).all()
  assert empty_batch(CONFIG, tasks=1).kept is None


def test_rows_that_are_too_short_are_refused():
  with pytest.raises(ValueError, match="must be a multiple of the block"):
    RowsConfig(places=60, block=32)
  with pytest.raises(ValueError, match=r"rows.alpha \(2.5\)"):
    RowsConfig(alpha=2.5)
  with pytest.raises(ValueError, match=r"rows.places \(16\) is less than"):
    writer(RowsConfig(places=16, block=8, targets=48))
