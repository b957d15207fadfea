"""What a batch leaves out, and when something is dropped out."""

import types

import jax

from experiments.pipeline.point_wise import point_wise
from experiments.pipeline.task import dropout_keys, future_events
from tests.reference.tasks import section, untrained


def test_without_counts_nothing_is_left_out(tmp_path):
  parts = untrained(section("point_wise"), tmp_path)
  assert future_events(parts) is None
  assert next(iter(point_wise(parts).batches)).left_out is None


def test_a_key_is_for_networks_that_drop_out():
  key = jax.random.key(0)
  for dropout, keys in ((0.0, {}), (0.1, {"dropout": key})):
    model = types.SimpleNamespace(config=types.SimpleNamespace(dropout=dropout))
    assert dropout_keys(model, key) == keys
    assert dropout_keys(model, None) == {}
