"""Batching changes when a request is answered, never its answer."""

import concurrent.futures
import dataclasses
import threading
import time

import hypothesis
import hypothesis.strategies as st
import pytest

from gr_jax.serving.engine.batching import Batcher, QueueFull, batch_size
from gr_jax.serving.requests import SearchRequest

SIZES = (1, 4, 16)


def search(k: int, beam: int = 8) -> SearchRequest:
  return SearchRequest(beam, k)


class Searcher:
  """Answers with `k`, and remembers the batches; waits while `gate` is shut."""

  def __init__(self):
    self.batches = []
    self.gate = threading.Event()
    self.gate.set()
    self.started = threading.Event()

  def __call__(self, requests):
    self.started.set()
    assert self.gate.wait(10)
    self.batches.append(requests)
    return [
      ValueError("13") if request.k == 13 else request.k for request in requests
    ]


@pytest.fixture
def make():
  made = []

  def make(searcher, **options):
    defaults = {"deadline": 0.0, "capacity": 100, "timeout": 10.0}
    batcher = Batcher(searcher, sizes=SIZES, **defaults | options)
    made.append((searcher, batcher))
    return batcher

  yield make
  for searcher, batcher in made:
    searcher.gate.set()
    batcher.close()


@hypothesis.given(
  waiting=st.integers(1, 40), sizes=st.sets(st.integers(1, 40), min_size=1)
)
def test_a_batch_fits_and_is_more_than_half_full(waiting, sizes):
  sizes = sorted({1, *sizes})
  waiting = min(waiting, sizes[-1])
  taken = batch_size(waiting, sizes)
  assert 1 <= taken <= waiting
  padded = next(size for size in sizes if size >= taken)
  assert taken * 2 > padded


def test_requests_go_where_all_sizes_are_larger():
  """On a mesh the smallest batch has a row for every device."""
  assert [batch_size(waiting, (8, 16)) for waiting in (1, 8, 9)] == [1, 8, 9]
  assert batch_size(8, (8, 24)) == 8


def test_every_request_gets_its_own_answer(make):
  searcher = Searcher()
  batcher = make(searcher, deadline=0.02)
  futures = [batcher.submit(search(k, beam=8 + k % 2)) for k in range(40)]
  for k, future in enumerate(futures):
    if k == 13:
      with pytest.raises(ValueError, match="13"):
        future.result(10)
    else:
      assert future.result(10).answer == k
  assert all(
    len({request.beam for request in batch}) == 1 for batch in searcher.batches
  )
  assert max(map(len, searcher.batches)) <= SIZES[-1]
  assert len(searcher.batches) < 40


def test_a_full_queue_refuses_at_once_and_says_when(make):
  searcher = Searcher()
  batcher = make(searcher, capacity=2)
  searcher.gate.clear()
  first = batcher.submit(search(1))
  assert searcher.started.wait(10)
  waiting = [batcher.submit(search(k)) for k in (2, 3)]
  with pytest.raises(QueueFull) as caught:
    batcher.submit(search(4))
  assert caught.value.seconds >= 1
  searcher.gate.set()
  assert [f.result(10).answer for f in (first, *waiting)] == [1, 2, 3]


def test_nobody_is_searched_for_who_gave_up(make):
  searcher = Searcher()
  batcher = make(searcher, timeout=0.05)
  searcher.gate.clear()
  batcher.submit(search(1))
  assert searcher.started.wait(10)
  late = batcher.submit(search(2))
  cancelled = batcher.submit(search(3))
  cancelled.cancel()
  time.sleep(0.1)
  searcher.gate.set()
  assert batcher.submit(search(4)).result(10).answer == 4
  assert [[request.k for request in batch] for batch in searcher.batches] == [
    [1],
    [4],
  ]
  assert not late.done()


def test_closing_answers_what_waits_and_takes_nothing_more(make):
  searcher = Searcher()
  batcher = make(searcher, deadline=5.0)
  futures = [batcher.submit(search(k)) for k in range(3)]
  batcher.close()
  assert [f.result(0).answer for f in futures] == [0, 1, 2]
  with pytest.raises(QueueFull):
    batcher.submit(search(1))


def test_a_crash_of_the_search_reaches_all_of_the_batch_and_no_other(make):
  searcher = Searcher()

  def answer(requests):
    if any(request.k == 1 for request in requests):
      raise RuntimeError("out of memory")
    return searcher(requests)

  batcher = make(searcher)
  batcher._answer = answer
  with pytest.raises(RuntimeError):
    batcher.submit(search(1)).result(10)
  assert batcher.submit(search(2)).result(10).answer == 2


def test_a_full_batch_does_not_wait_for_the_deadline(make):
  batcher = make(Searcher(), deadline=60.0)
  futures = [batcher.submit(search(1)) for _ in range(SIZES[-1])]
  assert len(concurrent.futures.wait(futures, 10).done) == SIZES[-1]


class Fixed:
  """In place of beams that follow the load."""

  def __init__(self):
    self.backlogs, self.reports = [], []

  def choose(self, backlog):
    self.backlogs.append(backlog)
    return 4, 7

  def ended(self, beam, seconds, late):
    self.reports.append((beam, seconds, late))


def test_a_beam_is_chosen_when_the_search_begins(make):
  searcher, adaptive = Searcher(), Fixed()
  batcher = make(searcher, adaptive=adaptive)
  searcher.gate.clear()
  named = batcher.submit(search(1, beam=8))
  assert searcher.started.wait(10)
  open_ones = [batcher.submit(search(k, beam=None)) for k in range(2, 9)]
  assert adaptive.backlogs == []
  time.sleep(0.01)
  searcher.gate.set()
  replies = [future.result(10) for future in (named, *open_ones)]
  assert [reply.beam for reply in replies] == [8] + [(4, 7)] * 7
  first, second = adaptive.backlogs
  assert (first.batch, first.behind, first.k) == (4, 3, 5)
  assert (second.batch, second.behind, second.k) == (3, 0, 8)
  assert first.waited >= 0.01
  # Searches of a named beam are load as well.
  beams, seconds, late = zip(*adaptive.reports)
  assert beams == (8, (4, 7), (4, 7))
  assert [len(each) for each in late] == [1, 4, 3]
  assert min(late[1]) >= 0.01
  assert seconds[0] >= 0.01
  assert {r.beam for batch in searcher.batches for r in batch} == {8, (4, 7)}


def test_requests_are_values():
  assert dataclasses.replace(search(1), k=2) == search(2)
