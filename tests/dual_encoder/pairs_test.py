import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.dual_encoder.pairs import (
  mine_negatives,
  negative_mask,
  wanted_by_query,
)
from tests.reference.plain_lists import from_lists
from tests.reference.small_dense import pair_writer


@given(st.integers(0, 100))
def test_negatives_are_the_best_ranked_that_nobody_wanted(seed):
  rng = np.random.default_rng(seed)
  ranked = np.stack([rng.permutation(8)[:6] for _ in range(4)])
  ranked[0, 3:] = -1
  wanted = [rng.choice(8, rng.integers(0, 4), replace=False) for _ in range(4)]
  found = mine_negatives(ranked, from_lists(wanted), count=3)
  for row, gone, negatives in zip(ranked, wanted, found):
    left = [r for r in row if r >= 0 and r not in gone][:3]
    assert negatives.tolist() == left + [-1] * (3 - len(left))


def test_a_query_leads_to_what_any_training_request_of_it_led_to():
  one = pair_writer()
  lists = wanted_by_query(one.pairs, one.requests)
  expected = {}
  for request, item in zip(one.pairs.request, one.pairs.item):
    expected.setdefault(int(one.requests.query[request]), set()).add(int(item))
  assert len(lists) == len(one.requests.queries)
  for query in range(len(lists)):
    assert set(lists[query].tolist()) == expected.get(query, set())


def test_pairs_are_of_the_training_split_and_belong_together():
  one = pair_writer(0.0)
  batch = one.draw(64, np.random.default_rng(0))
  known = set(zip(one.pairs.request.tolist(), one.pairs.item.tolist()))
  by_query = {
    (int(one.requests.query[request]), item) for request, item in known
  }
  assert set(zip(batch.query.tolist(), batch.item.tolist())) <= by_query
  assert (batch.query < 0).any()
  assert (batch.query >= 0).any()


def test_only_requests_with_a_query_are_hidden_and_have_negatives():
  batch = pair_writer(1.0).draw(64, np.random.default_rng(0))
  searched = batch.query >= 0
  assert not batch.prompt.mask[searched].any()
  assert batch.prompt.mask[~searched].any(axis=1).all()
  assert (batch.negatives[~searched] == -1).all()
  np.testing.assert_array_equal(
    batch.negatives[searched], pair_writer().negatives[batch.query[searched]]
  )


def test_own_items_none_and_those_of_the_same_group_are_no_negatives():
  batch = pair_writer().draw(32, np.random.default_rng(1))
  mask = np.asarray(negative_mask(batch))
  items = np.concatenate((batch.item, batch.negatives.reshape(-1)))
  for b in range(32):
    for c, item in enumerate(items):
      grouped = c < 32 and batch.group[c] == batch.group[b]
      wrong = item < 0 or item == batch.item[b] or grouped
      assert mask[b, c] == (not wrong)
