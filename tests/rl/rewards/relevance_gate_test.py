import numpy as np
import pytest

from gr_jax.data.requests import TRAIN
from gr_jax.rl.rewards.relevance_gate import GateConfig, RelevanceGate
from tests.reference.small_world import shop


def gate(**settings):
  log = shop().requests
  rows = np.flatnonzero(log.split == TRAIN)
  config = GateConfig(samples=2000, **settings)
  return RelevanceGate(log, shop().items.x, rows=rows, config=config)


def test_a_score_is_the_cosine_to_the_nearest_of_the_latest_items():
  found, log, x = gate(last=5), shop().requests, shop().items.x
  x = x / np.linalg.norm(x, axis=1, keepdims=True)
  for request in range(100, 400, 23):
    history = log.history(request)[-5:]
    scores = found.scores(np.full(60, request), np.arange(60))
    expected = (x @ x[history].T).max(axis=1) if len(history) else np.inf
    np.testing.assert_allclose(scores, np.broadcast_to(expected, 60), rtol=1e-5)


@pytest.mark.parametrize("quantile", [0.1, 0.5])
def test_the_gate_is_shut_for_the_chosen_share_of_random_items(quantile):
  log, rng = shop().requests, np.random.default_rng(1)
  known = log.history_end > log.user_offsets[log.user]
  requests = rng.choice(np.flatnonzero(known & (log.split == TRAIN)), 4000)
  shut = 1 - gate(quantile=quantile)(requests, rng.integers(0, 60, 4000))
  np.testing.assert_allclose(shut.mean(), quantile, atol=0.05)


def test_what_was_just_clicked_is_relevant():
  log = shop().requests
  known = np.flatnonzero(log.history_end > log.user_offsets[log.user])
  items = log.event_item[log.history_end[known] - 1]
  assert gate()(known, items).all()


def test_a_user_without_history_meets_an_open_gate():
  log = shop().requests
  new = np.flatnonzero(log.history_end == log.user_offsets[log.user])
  assert len(new)
  assert gate()(new, np.zeros(len(new), int)).all()


def test_no_pairs_have_no_scores():
  assert gate()(np.zeros(0, int), np.zeros(0, int)).shape == (0,)


def test_a_gate_without_settings_has_the_default_ones():
  log, x = shop().requests, shop().items.x
  rows = np.flatnonzero(log.split == TRAIN)
  default = RelevanceGate(log, x, rows=rows)
  same = RelevanceGate(log, x, rows=rows, config=GateConfig())
  assert default.threshold == same.threshold
  assert -1 < default.threshold < 1
