import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.rl.rewards.hybrid import (
  gated_reward,
  lifted_reward,
  positives_of,
)
from tests.reference.small_world import semantic_ids, shop

IDS = semantic_ids()


def preference(requests, items):
  return ((7 * requests + items) % 11 / 10).astype(np.float32)


def gate(requests, items):
  return ((requests + items) % 3 > 0).astype(np.float32)


def group(seed):
  rng = np.random.default_rng(seed)
  rows = rng.integers(0, len(shop().requests), 5)
  ids = rng.integers(-1, IDS.num_ids, (5, 6))
  ids[:, 0] = [
    IDS.id_of_item[shop().requests.targets(r)[0]] for r in rows
  ]  # Something that was clicked is in every group.
  return rows, ids


@given(st.integers(0, 2**31 - 1))
def test_positives_are_what_the_own_page_says(seed):
  rows, ids = group(seed)
  found = positives_of(shop().requests, IDS)(rows, ids)
  for b, g in np.ndindex(*ids.shape):
    clicked = IDS.id_of_item[shop().requests.targets(rows[b])]
    assert found[b, g] == (ids[b, g] in clicked.tolist())


@given(st.integers(0, 2**31 - 1))
def test_the_reward_is_in_0_1_and_what_was_clicked_gets_the_best(seed):
  rows, ids = group(seed)
  plain = gated_reward(preference, gate, IDS)
  lifted = lifted_reward(plain, positives_of(shop().requests, IDS))
  raw, found = plain(rows, ids), lifted(rows, ids)
  assert ((found >= 0) & (found <= 1)).all()
  positive = positives_of(shop().requests, IDS)(rows, ids)
  best = np.broadcast_to(raw.max(axis=1, keepdims=True), raw.shape)
  np.testing.assert_array_equal(found[positive], best[positive])
  np.testing.assert_array_equal(found[~positive], raw[~positive])
  assert (found[(ids < 0) & ~positive] == 0).all()


def test_a_shut_gate_earns_nothing():
  rows, ids = group(0)

  def shut(requests, items):
    return np.zeros(len(items), np.float32)

  assert not gated_reward(preference, shut, IDS)(rows, ids).any()


def test_what_lies_beyond_the_log_is_no_positive():
  is_positive = positives_of(shop().requests, IDS)
  far = np.array([len(shop().requests) - 1, 10**6])
  found = is_positive(far, np.array([[IDS.num_ids - 1], [0]]))
  clicked = IDS.id_of_item[shop().requests.targets(far[0])]
  assert found.tolist() == [[IDS.num_ids - 1 in clicked.tolist()], [False]]
