"""A request over HTTP reads as what was trained on."""

import jax
import numpy as np
import pytest

from gr_jax.retrieval.prompting import profile_width
from gr_jax.serving.catalogue.items import catalogue_items
from gr_jax.serving.engine.prompting import unknown_history, write_prompts
from gr_jax.serving.requests import Profile, Purchase, SearchRequest
from tests.reference.small_world import PROMPT, semantic_ids, shop, writer


def items():
  return catalogue_items(shop().catalogue, semantic_ids())


def logged_request(row: int) -> SearchRequest:
  """Request `row` of the log, as a client would send it."""
  requests, names = shop().requests, shop().catalogue.item_ids
  user = requests.user[row]
  events = slice(requests.user_offsets[user], requests.history_end[row])
  ages = requests.time[row] - requests.event_time[events]
  query = requests.query[row]
  return SearchRequest(
    query=None if query < 0 else requests.queries[query],
    history=tuple(
      Purchase(id=name, days_ago=age / 86_400)
      for name, age in zip(names[requests.event_item[events]], ages.tolist())
    ),
    profile=Profile(
      user_id=requests.user_ids[user],
      facts=dict(fact.split("=", 1) for fact in requests.profiles[user]),
    ),
    k=1,
    beam=1,
  )


def written(requests):
  return write_prompts(requests, items(), writer()._vocabulary, PROMPT)


def test_a_request_of_the_log_has_the_prompt_of_training():
  rows = np.arange(0, 400, 7)
  expected = writer().prompts(rows, shown=np.ones(len(rows), bool))
  prompt, queries = written([logged_request(row) for row in rows])
  width = expected.profile.shape[-1]
  assert (prompt.profile[..., width:] == -1).all()
  prompt = prompt.replace(profile=prompt.profile[..., :width])
  jax.tree.map(np.testing.assert_array_equal, prompt, expected)
  np.testing.assert_array_equal(
    queries, writer().queries(shop().requests.query[rows])
  )


def test_a_prompt_does_not_depend_on_its_neighbours():
  requests = [logged_request(row) for row in range(0, 400, 50)]
  together, queries = written(requests)
  for i, request in enumerate(requests):
    alone, query = written([request])
    jax.tree.map(
      lambda x, y, i=i: np.testing.assert_array_equal(x[i], y[0]),
      (together, queries),
      (alone, query),
    )


def test_a_stranger_is_nobody():
  stranger = SearchRequest(1, 1)
  prompt, queries = written([stranger])
  hidden = writer().prompts(np.zeros(1, int), shown=np.zeros(1, bool))
  assert (prompt.profile == -1).all()
  assert prompt.profile.shape == (1, 1, profile_width(writer()._vocabulary))
  np.testing.assert_array_equal(prompt.history, hidden.history)
  np.testing.assert_array_equal(prompt.mask, hidden.mask)
  np.testing.assert_array_equal(queries, writer().queries(np.array([-1])))


@pytest.mark.parametrize("user_id", [None, "u"])
def test_facts_count_without_a_user_and_a_user_without_facts(user_id):
  fact = writer()._vocabulary.facts[0]
  request = SearchRequest(
    1, 1, profile=Profile(user_id=user_id, facts=dict([fact.split("=")]))
  )
  prompt, _ = written([request])
  assert (prompt.profile >= 0).sum() == 1 + (user_id is not None)
  assert prompt.mask[0, 0]


def test_items_that_nobody_knows_are_left_out_and_listed():
  known = items().item_ids[3]
  events = Purchase(id=known, days_ago=2), Purchase(id="new", days_ago=1)
  both = SearchRequest(1, 1, history=events)
  alone = SearchRequest(1, 1, history=events[:1])
  jax.tree.map(np.testing.assert_array_equal, written([both]), written([alone]))
  assert unknown_history(both, items()) == ["new"]
