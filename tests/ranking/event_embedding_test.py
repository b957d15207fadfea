"""Items plus actions; candidates without one."""

import jax
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.ranking.event_embedding import EventEmbedding, EventsConfig
from tests.reference.packed_rows import ACTIONS, CONTEXT, ITEMS, packed_rows

PATHS = np.random.default_rng(0).integers(-1, 3, (ITEMS, 1))


def embedding(events):
  model = EventEmbedding(EventsConfig(ITEMS, ACTIONS, CONTEXT, (3,), events), 4)
  history = packed_rows([3, 2]).history
  params = jax.jit(
    lambda key: model.init(key, history, PATHS, method="of_places")
  )(jax.random.key(0))
  params = nn.unbox(params)
  found = jax.jit(
    lambda params: model.apply(params, history, PATHS, method="of_places")
  )(params)
  return history, params["params"], np.asarray(found)


def expected_items(history, tables):
  items = np.maximum(history.items, 0)
  before = np.pad(history.times, ((0, 0), (1, 0)))[:, :-1]
  gap = np.where(history.places == 0, 0, history.times - before)
  bucket = np.floor(np.log2(1.0 + gap)).astype(int)
  own = np.asarray(tables["items"])[items]
  path = np.asarray(tables["category_0"])[PATHS[items, 0] + 1]
  return own + path + np.asarray(tables["gaps"])[bucket]


def test_an_event_is_its_item_its_action_and_its_gap():
  history, tables, found = embedding("summed")
  action = np.asarray(tables["actions"])[history.actions]
  event = history.items >= 0
  expected = expected_items(history, tables) + action
  np.testing.assert_allclose(found[event], expected[event], atol=1e-6)
  token = history.context >= 0
  expected = np.asarray(tables["context"])[history.context[token]]
  np.testing.assert_array_equal(found[token], expected)
  np.testing.assert_array_equal(found[history.owners < 0], 0)


def test_interleaved_events_are_an_item_and_then_its_action():
  history, tables, found = embedding("interleaved")
  event = history.items >= 0
  expected = expected_items(history, tables)
  np.testing.assert_allclose(found[:, ::2][event], expected[event], atol=1e-6)
  action = np.asarray(tables["actions"])[history.actions]
  np.testing.assert_array_equal(found[:, 1::2][event], action[event])


def test_values_that_cannot_be_are_refused():
  with pytest.raises(ValueError, match=r"model\.events"):
    EventsConfig(3, events="both")
