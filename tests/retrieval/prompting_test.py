"""A request is written as the request of a log that it would have been."""

import jax
import numpy as np

from gr_jax.retrieval.prompting import (
  PromptRequest,
  profile_width,
  write_prompts,
)
from tests.reference.small_world import PROMPT, semantic_ids, shop, writer


def written(requests):
  return write_prompts(requests, semantic_ids(), writer()._vocabulary, PROMPT)


def logged(row: int, **changes) -> PromptRequest:
  """Request `row` of the log."""
  log = shop().requests
  events = slice(log.user_offsets[log.user[row]], log.history_end[row])
  ages = log.time[row] - log.event_time[events]
  return PromptRequest(
    query=None if log.query[row] < 0 else log.queries[log.query[row]],
    history=tuple(zip(log.event_item[events].tolist(), ages.tolist())),
    user_id=log.user_ids[log.user[row]],
    facts=log.profiles[log.user[row]],
  )._replace(**changes)


def test_requests_of_a_log_read_as_in_the_log():
  rows = np.arange(0, 400, 13)
  prompt, queries = written([logged(row) for row in rows])
  expected = writer().prompts(rows, shown=np.ones(len(rows), bool))
  width = expected.profile.shape[-1]
  assert (prompt.profile[..., width:] == -1).all()
  prompt = prompt.replace(profile=prompt.profile[..., :width])
  jax.tree.map(np.testing.assert_array_equal, prompt, expected)
  log_queries = writer().queries(shop().requests.query[rows])
  np.testing.assert_array_equal(queries, log_queries)


def test_a_stranger_keeps_the_facts_and_loses_the_user():
  known, stranger = logged(0), logged(0, user_id=None)
  prompt, _ = written([known, stranger])
  width = profile_width(writer()._vocabulary)
  assert prompt.profile.shape == (2, 1, width)
  assert width == 1 + len({f.split("=")[0] for f in writer()._vocabulary.facts})
  tokens = [row[row >= 0].tolist() for row in prompt.profile[:, 0]]
  assert tokens[0][-len(tokens[1]) :] == tokens[1]
  assert len(tokens[0]) == len(tokens[1]) + 1 == len(known.facts) + 1


def test_nothing_known_is_a_hidden_prompt_without_a_query():
  prompt, queries = written([PromptRequest()])
  assert not prompt.mask.any()
  assert (prompt.history == -1).all()
  assert (queries == writer().queries(np.array([-1]))).all()


def test_a_purchase_of_this_moment_counts_as_one_second_old():
  now, second = (
    written([PromptRequest(history=((5, age),))]) for age in (0, 1)
  )
  jax.tree.map(np.testing.assert_array_equal, now, second)
  assert now[0].mask.tolist() == [[False] * PROMPT.history + [True]]
