"""Requests of now have the candidates that they would have in the log."""

import dataclasses

import chex
import numpy as np
import pytest

from gr_jax.candidates.live import LiveCandidates
from gr_jax.candidates.query_reader import QueryReader
from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import TEST, Requests
from gr_jax.text.encoder import unit_rows
from gr_jax.text.known_words import KnownWords
from tests.reference import candidate_log, small_world


def table(queries):
  """Vectors of the log's queries, by their words."""
  rows = {q: r for r, q in enumerate(candidate_log.log().requests.queries)}
  return np.stack(
    [candidate_log.vectors()[1][rows[query]] for query in queries]
  )


@pytest.fixture(scope="module")
def live() -> LiveCandidates:
  requests = candidate_log.log().requests
  rows = {query: row for row, query in enumerate(requests.queries)}
  writer = candidate_log.writer()
  return LiveCandidates(
    writer, candidate_log.facts(), rows, True, query_vectors=table
  )


def sent(rows) -> Requests:
  """Requests of the log as clients send them: ages in place of times."""
  log = candidate_log.log().requests
  starts, ends = log.user_offsets[log.user[rows]], log.history_end[rows]
  events = [np.arange(s, e) for s, e in zip(starts, ends)]
  ages = [log.time[row] - log.event_time[e] for row, e in zip(rows, events)]
  queries = log.query[rows]
  B = len(rows)
  return Requests(
    user_ids=object_array([""] * B),
    profiles=object_array([()] * B),
    user_offsets=np.append(0, np.cumsum(ends - starts)),
    event_item=log.event_item[np.concatenate(events)],
    event_time=-np.concatenate(ages),
    user=np.arange(B, dtype=np.int32),
    time=np.zeros(B, np.int64),
    history_end=np.cumsum(ends - starts),
    query=np.where(queries < 0, -1, np.cumsum(queries >= 0) - 1).astype(
      np.int32
    ),
    split=np.full(B, TEST, np.int8),
    page_offsets=np.zeros(B + 1, np.int64),
    page_item=np.zeros(0, np.int32),
    page_kind=np.zeros(0, np.int8),
    page_value=np.zeros(0, np.float32),
    queries=log.queries[queries[queries >= 0]],
  )


def test_candidates_are_those_of_the_newest_requests_of_the_log(live):
  log = candidate_log.log().requests
  rows = np.flatnonzero(log.split == TEST)
  # Only at the end of the log are recent counts those of now.
  rows = rows[np.argsort(log.time[rows])][-8:]
  shown = np.ones(len(rows), bool)
  now = live.of(sent(rows))(np.arange(len(rows))[:, None], shown=shown)
  expected = candidate_log.writer()(rows[:, None], shown=shown)
  names = candidate_log.writer().names
  for name in ("codes", "mask"):
    np.testing.assert_array_equal(getattr(now, name), getattr(expected, name))
  for place, name in enumerate(names):
    np.testing.assert_allclose(
      now.features[..., place],
      expected.features[..., place],
      atol=1e-4,
      err_msg=name,
    )
  assert (log.query[rows] >= 0).any()


def test_a_batch_has_the_shapes_of_any_other(live):
  alone = dataclasses.replace(
    sent(np.zeros(1, np.int64)),
    user_offsets=np.zeros(2, np.int64),
    history_end=np.zeros(1, np.int64),
    event_item=np.zeros(0, np.int32),
    event_time=np.zeros(0, np.int64),
    query=np.full(1, -1, np.int32),
  )
  found = live.of(alone)(np.zeros((1, 1), np.int64), shown=np.ones(1, bool))
  F = len(live.writer.names)
  chex.assert_shape(found.codes, (1, 1, 20, 3))
  chex.assert_shape(found.features, (1, 1, 20, F))
  # Of a stranger without a query, what is popular is known.
  assert found.mask.any()


def test_positions_take_the_place_of_times(live):
  log = candidate_log.log().requests
  rows = np.flatnonzero(log.history_end > log.user_offsets[log.user] + 1)[-3:]
  requests = sent(rows)
  without = dataclasses.replace(live, shared_clock=False).of(requests)
  times = without.log.requests.event_time
  ends = requests.user_offsets[1:]
  for start, end in zip(requests.user_offsets[:-1], ends):
    np.testing.assert_array_equal(times[start:end], np.arange(start - end, 0))
  same = live.of(requests).log.requests.event_time
  np.testing.assert_array_equal(same, requests.event_time)


def test_a_query_is_known_by_its_text_then_by_its_words(live):
  rows = {"red cup": 4, "Red  Cup!": 7, "plate": 2}
  found = dataclasses.replace(live, query_rows=rows)
  batch = ("red cup", "Red  Cup!", "RED cup", "plate.", "cup red", "")
  assert [found.trained_row(q) for q in batch] == [4, 7, 4, 2, -1, -1]


def test_nothing_of_a_request_was_counted(live):
  """User 0 of a client is not user 0 of the training log."""
  log = candidate_log.log().requests
  rows = np.flatnonzero(log.query >= 0)[:6]
  written = live.of(sent(rows)).log
  assert written.live
  np.testing.assert_array_equal(
    written.counted, written.requests.user_offsets[:-1]
  )


def test_a_query_that_training_never_saw_is_read_in_known_words(live):
  requests = sent(np.flatnonzero(candidate_log.log().requests.query >= 0)[:3])
  known = str(requests.queries[0])
  typed = object_array([known, "zzz cupp", "plate"])
  seen: list[str] = []

  def encode(queries):
    seen.extend(queries)
    return np.array([[len(query), 1] for query in queries], np.float32)

  words = KnownWords(("cup", "zebra"), encode=lambda w: np.zeros((len(w), 1)))
  found = dataclasses.replace(
    live,
    query_rows={known: 5},
    query_vectors=encode,
    reader=QueryReader(words, frozenset({"plate"})),
  ).of(dataclasses.replace(requests, queries=typed))
  log = found.log
  assert log.requests.queries.tolist() == [known, "zzz cup", "plate"]
  assert log.trained_query.tolist() == [5, -1, -1]
  assert seen == [known, "zzz cupp", "plate", known, "zzz cup", "plate"]
  expected = unit_rows(np.array([[8.0, 1]])) + unit_rows(np.array([[7.0, 1]]))
  np.testing.assert_allclose(log.query_vectors[1, :2], expected[0] / 2)


def test_words_of_a_new_item_are_known_at_once(live):
  facts = live.items
  more = dataclasses.replace(
    facts,
    texts=np.append(facts.texts, ["a plain zither"]),
    categories=np.append(facts.categories, facts.categories[:1], 0),
    prices=np.append(facts.prices, 1),
    vectors=np.append(facts.vectors, facts.vectors[:1], 0),
  )
  codes = small_world.semantic_ids().codes
  grown = live.grown(more, np.append(codes, codes[:1], 0))
  assert grown.reader("zither") == "zither"
  assert grown.reader.item_words >= {"plain", "zither"}
  assert "zither" not in live.reader.item_words
