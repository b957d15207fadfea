"""What is asked over HTTP reads as what was trained on."""

import jax
import numpy as np
import pytest

from gr_jax.serving.catalogue.items import catalogue_items
from gr_jax.serving.engine.prompting import (
  profile_width,
  unknown_history,
  write_prompts,
)
from gr_jax.serving.http.search_request import Filters, SearchRequest
from tests.reference.small_world import PROMPT, semantic_ids, shop, writer


def items():
  return catalogue_items(shop().catalogue, semantic_ids())


def logged_question(row: int) -> SearchRequest:
  """Request `row` of the log, as a client would send it."""
  requests, names = shop().requests, shop().catalogue.item_ids
  user = requests.user[row]
  events = slice(requests.user_offsets[user], requests.history_end[row])
  ages = requests.time[row] - requests.event_time[events]
  query = requests.query[row]
  return SearchRequest(
    query=None if query < 0 else requests.queries[query],
    history=tuple(zip(names[requests.event_item[events]], ages.tolist())),
    user_id=requests.user_ids[user],
    facts=requests.profiles[user],
    filters=Filters(),
    k=1,
    beam=1,
  )


def written(questions):
  return write_prompts(questions, items(), writer()._vocabulary, PROMPT)


def test_a_request_of_the_log_has_the_prompt_of_training():
  rows = np.arange(0, 400, 7)
  expected = writer().prompts(rows, shown=np.ones(len(rows), bool))
  prompt, queries = written([logged_question(row) for row in rows])
  width = expected.profile.shape[-1]
  assert (prompt.profile[..., width:] == -1).all()
  prompt = prompt.replace(profile=prompt.profile[..., :width])
  jax.tree.map(np.testing.assert_array_equal, prompt, expected)
  np.testing.assert_array_equal(
    queries, writer().queries(shop().requests.query[rows])
  )


def test_a_prompt_does_not_depend_on_its_neighbours():
  questions = [logged_question(row) for row in range(0, 400, 50)]
  together, queries = written(questions)
  for i, question in enumerate(questions):
    alone, query = written([question])
    jax.tree.map(
      lambda x, y, i=i: np.testing.assert_array_equal(x[i], y[0]),
      (together, queries),
      (alone, query),
    )


def test_a_stranger_is_nobody():
  stranger = SearchRequest(None, (), None, (), Filters(), 1, 1)
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
  question = SearchRequest(None, (), user_id, (fact,), Filters(), 1, 1)
  prompt, _ = written([question])
  assert (prompt.profile >= 0).sum() == 1 + (user_id is not None)
  assert prompt.mask[0, 0]


def test_items_that_nobody_knows_are_left_out_and_told():
  known = items().item_ids[3]
  both = SearchRequest(
    None, ((known, 9), ("new", 5)), None, (), Filters(), 1, 1
  )
  alone = SearchRequest(None, ((known, 9),), None, (), Filters(), 1, 1)
  jax.tree.map(np.testing.assert_array_equal, written([both]), written([alone]))
  assert unknown_history(both, items()) == ["new"]
