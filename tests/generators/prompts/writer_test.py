import collections
import dataclasses

import numpy as np
import pytest

from gr_jax.generators.prompts.writer import PromptWriter
from tests.reference.small_world import PROMPT, semantic_ids, shop, writer


def expected_history(row):
  """Distinct items, the usual ones, with age and count, the slow way."""
  requests, vocabulary = shop().requests, writer()._vocabulary
  begin = requests.user_offsets[requests.user[row]]
  end = requests.history_end[row]
  events = range(max(begin, end - PROMPT.lookback), end)
  last = {requests.event_item[e]: e for e in events}
  counts = collections.Counter(requests.event_item[begin:end].tolist())

  def score(pair):
    item, event = pair
    weeks = (requests.time[row] - requests.event_time[event]) / (7 * 86_400)
    return np.log(counts[item]) - 0.5 * np.log1p(weeks), event

  usual = sorted(last.items(), key=score)[-PROMPT.history :]
  kept = sorted(usual, key=lambda pair: pair[1])
  return [
    [
      *writer().item_tokens[item],
      vocabulary.age_tokens(requests.time[row] - requests.event_time[event]),
      vocabulary.count_tokens(np.array(counts[item])),
    ]
    for item, event in kept
  ]


@pytest.fixture(scope="module")
def prompts():
  rows = np.arange(len(shop().requests))
  return writer().prompts(rows, shown=np.ones(len(rows), bool))


def test_history_is_the_usual_items_newest_last(prompts):
  for row in range(0, len(shop().requests), 7):
    expected = expected_history(row)
    there = prompts.mask[row, 1:]
    assert there.sum() == len(expected)
    assert not there[: len(there) - len(expected)].any()
    if expected:
      np.testing.assert_array_equal(prompts.history[row][there], expected)


def test_what_is_masked_says_nothing(prompts):
  assert (prompts.history[~prompts.mask[:, 1:]] == -1).all()
  assert prompts.mask[:, 1:].any()


def test_a_hidden_request_is_an_empty_prompt():
  prompt = writer().prompts(np.arange(5), shown=np.zeros(5, bool))
  assert not prompt.mask.any()
  assert (prompt.profile == -1).all()


def test_no_prompt_reads_its_own_page(prompts):
  """Changing everything at and after a request leaves its prompt alone."""
  requests = shop().requests
  row = int(
    np.argmax(requests.history_end - requests.user_offsets[requests.user])
  )
  earlier = requests.event_time < requests.time[row]
  begin = requests.user_offsets[requests.user[row]]
  used = np.arange(begin, requests.history_end[row])
  assert earlier[used].all()


def test_no_query_asks_for_the_next_basket():
  tokens = writer().queries(np.array([-1, 0]))
  assert tokens[0].tolist() == [0, -1, -1, -1]
  assert 0 not in tokens[1]


def test_a_log_of_one_purchase_has_prompts_before_and_after_it():
  log = shop().requests
  alone = dataclasses.replace(
    log,
    user_ids=log.user_ids[:1],
    profiles=log.profiles[:1],
    user_offsets=np.array([0, 1]),
    event_item=np.array([7], np.int32),
    event_time=np.array([50]),
    event_action=None,
    user=np.zeros(2, np.int32),
    time=np.array([10, 60]),
    history_end=np.array([0, 1]),
    query=np.full(2, -1, np.int32),
    split=np.zeros(2, np.int8),
    page_offsets=np.zeros(3, np.int64),
    page_item=np.zeros(0, np.int32),
    page_kind=np.zeros(0, np.int8),
    page_value=np.zeros(0, np.float32),
    own_item=None,
  )
  found = PromptWriter(alone, semantic_ids(), writer()._vocabulary, PROMPT)
  prompt = found.prompts(np.arange(2), shown=np.ones(2, bool))
  assert not prompt.mask[0, 1:].any()
  assert prompt.mask[1, 1:].tolist() == [False] * (PROMPT.history - 1) + [True]
  levels = len(semantic_ids().level_sizes)
  np.testing.assert_array_equal(
    prompt.history[1, -1, :levels], found.item_tokens[7][:levels]
  )
