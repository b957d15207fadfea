import itertools

import jax
import numpy as np
import pytest

from gr_jax.data.requests import TRAIN
from gr_jax.generators.prompts.vocabulary import build_vocabulary
from gr_jax.generators.prompts.writer import PromptWriter
from gr_jax.generators.training_examples.single import (
  ExamplesConfig,
  TargetGroups,
  group_targets,
  recency_turns,
  training_examples,
)
from gr_jax.generators.training_examples.text_queries import TextQueries
from tests.reference.small_world import semantic_ids, shop, writer

CONFIG = ExamplesConfig(batch_size=8, targets=4, hidden_share=0.5, seed=3)


def dataset(config=CONFIG):
  requests = shop().requests
  groups = group_targets(requests, split=TRAIN)
  return training_examples(
    requests, groups, writer(), semantic_ids().codes, config=config
  )


def test_groups_hold_every_training_target_once():
  requests = shop().requests
  groups = group_targets(requests, split=TRAIN)
  pairs = set(zip(groups.request.tolist(), groups.item.tolist()))
  expected = {
    (r, item)
    for r in np.flatnonzero(requests.split == TRAIN).tolist()
    for item in requests.targets(r).tolist()
  }
  assert pairs == expected
  assert len(pairs) == len(groups.item)


def test_a_group_shares_user_and_history():
  requests = shop().requests
  groups = group_targets(requests, split=TRAIN)
  for begin, end in itertools.pairwise(groups.offsets):
    rows = groups.request[begin:end]
    assert len(set(requests.user[rows])) == 1
    assert len(set(requests.history_end[rows])) == 1


def test_targets_of_a_row_are_distinct_and_from_training():
  requests = shop().requests
  trained = {
    tuple(semantic_ids().codes[item])
    for r in np.flatnonzero(requests.split == TRAIN)
    for item in requests.targets(r)
  }
  for batch in itertools.islice(iter(dataset()), 5):
    for codes, queries, mask in zip(batch.codes, batch.queries, batch.mask):
      rows = [
        (*c, *q) for c, q in zip(codes[mask].tolist(), queries[mask].tolist())
      ]
      assert len(rows) == len(set(rows)) > 0
      assert {tuple(c) for c in codes[mask].tolist()} <= trained


def test_the_hidden_share_is_hidden():
  hidden = [
    ~batch.prompt.mask.any(axis=1)
    for batch in itertools.islice(iter(dataset()), 40)
  ]
  assert 0.4 < np.mean(hidden) < 0.7


def test_an_iterator_goes_on_where_its_state_says():
  first = iter(dataset())
  for _ in range(5):
    next(first)
  state = first.get_state()
  expected = [next(first) for _ in range(3)]
  second = iter(dataset())
  second.set_state(state)
  for want in expected:
    got = next(second)
    jax.tree.map(np.testing.assert_array_equal, want, got)


def test_every_pair_comes_up_about_equally_often():
  """Batches of a whole epoch: large groups have as many turns as they need."""
  config = ExamplesConfig(batch_size=1, targets=2, hidden_share=0.0)
  groups = group_targets(shop().requests, split=TRAIN)
  turns = -(-np.diff(groups.offsets) // 2)
  targets = [
    int(batch.mask.sum())
    for batch in itertools.islice(iter(dataset(config)), int(turns.sum()))
  ]
  assert sum(targets) >= len(groups.item)
  assert sum(targets) <= len(groups.item) + 2 * len(groups)


def test_a_group_of_n_pairs_comes_up_ceil_of_n_over_p_times_an_epoch():
  """Groups of 1, 2 and 3 pairs in rows of 2 come up 1, 1 and 2 times."""
  requests = shop().requests
  first = [int(np.flatnonzero(requests.user == u)[0]) for u in (0, 1, 2)]
  groups = TargetGroups(
    offsets=np.array([0, 1, 3, 6]),
    request=np.repeat(first, (1, 2, 3)),
    item=np.array([0, 1, 2, 3, 4, 5]),
  )
  config = ExamplesConfig(batch_size=1, targets=2, hidden_share=0.0, seed=1)
  batches = training_examples(
    requests, groups, writer(), semantic_ids().codes, config=config
  )
  user = {
    tuple(semantic_ids().codes[i]): g
    for g, items in enumerate(([0], [1, 2], [3, 4, 5]))
    for i in items
  }
  epoch = itertools.islice(iter(batches), 4)
  shown = [user[tuple(batch.codes[0, 0].tolist())] for batch in epoch]
  assert sorted(shown) == [0, 1, 2, 2]


def test_older_groups_have_fewer_turns():
  user = np.array([0, 0, 0, 2, 5, 5])
  assert recency_turns(user, 1.0).tolist() == [11, 16, 32, 32, 16, 32]
  assert recency_turns(user, 2.0).tolist() == [4, 8, 32, 32, 8, 32]
  assert recency_turns(np.zeros(99, int), 3.0).min() == 1


def test_recent_groups_come_up_more_often():
  requests = shop().requests
  groups = group_targets(requests, split=TRAIN)
  user = requests.user[groups.request[groups.offsets[:-1]]]
  turns = recency_turns(user, 1.0)
  # Every target has a place: all those of a group come up with it.
  widest = int(np.diff(groups.offsets).max())
  config = ExamplesConfig(batch_size=32, targets=widest, recency=1.0)
  batches = -(-int(turns.sum()) // 32)
  found = sum(
    int(batch.mask.sum())
    for batch in itertools.islice(iter(dataset(config)), batches)
  )
  expected = int((turns * np.diff(groups.offsets)).sum())
  assert found == pytest.approx(expected, abs=32 * widest)
  assert expected < 32 * len(groups.item)


def test_the_pairs_of_a_group_are_drawn_alike_whatever_its_size():
  """Rows of 2 of a group of 7 pairs and one of 3, with one request each."""
  groups = TargetGroups(
    offsets=np.array([0, 7, 10]),
    request=np.repeat([0, 1], (7, 3)),
    item=np.arange(10),
  )
  config = ExamplesConfig(batch_size=6, targets=2, hidden_share=0.0, seed=2)
  codes = semantic_ids().codes
  dataset = training_examples(
    shop().requests, groups, writer(), codes, config=config
  )
  item_of = {tuple(codes[item].tolist()): item for item in range(10)}
  epochs = 50  # Of 4 + 2 rows: a pair of the first group has 8 / 7 turns.
  drawn = [
    item_of[tuple(row)]
    for batch in itertools.islice(iter(dataset), epochs)
    for row in batch.codes[batch.mask].tolist()
  ]
  counts = np.bincount(drawn, minlength=10)
  np.testing.assert_allclose(counts[:7], epochs * 8 / 7, atol=20)
  np.testing.assert_allclose(counts[7:], epochs * 4 / 3, atol=20)


def test_some_queries_are_words_of_the_target():
  requests, catalogue = shop().requests, shop().catalogue
  groups = group_targets(requests, split=TRAIN)
  vocabulary = build_vocabulary(
    [*requests.queries, *catalogue.texts],
    requests.profiles,
    semantic_ids().level_sizes,
    user_buckets=8,
  )
  prompts = PromptWriter(requests, semantic_ids(), vocabulary, writer().config)

  def queries(share):
    texts = TextQueries(catalogue.texts, vocabulary, share=share)
    batches = training_examples(
      requests,
      groups,
      prompts,
      semantic_ids().codes,
      config=CONFIG,
      text_queries=texts,
    )
    (batch,) = itertools.islice(iter(batches), 1)
    return batch

  none, all_of_them = queries(0.0), queries(1.0)
  # The same targets are drawn, and other words lead to them.
  np.testing.assert_array_equal(none.codes, all_of_them.codes)
  words = {
    tuple(code): set(vocabulary.query_tokens(text))
    for code, text in zip(semantic_ids().codes.tolist(), catalogue.texts)
  }
  for codes, query in zip(
    all_of_them.codes[all_of_them.mask], all_of_them.queries[all_of_them.mask]
  ):
    assert set(query[query >= 0].tolist()) <= words[tuple(codes.tolist())]
