"""Waits a moment for company, then answers many requests at once.

One thread drives the search. It takes the oldest request, waits until the
largest batch is full or that request has waited for the deadline, and takes
those that want the same beam. Requests that leave their beam to the server get
one that fits the load when their search begins, not when they arrived. While a
search runs the queue fills, so that under load nobody waits for the deadline. A
request that nobody waits for any more is dropped. A full queue refuses at once:
late is worse than no.
"""

import collections
import concurrent.futures
import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gr_jax.decoding.beams import BeamSize
from gr_jax.serving.engine.adaptive_beams import AdaptiveBeams
from gr_jax.serving.engine.load_meter import Backlog
from gr_jax.serving.requests import SearchRequest


class QueueFull(Exception):
  """There is no place; `seconds` from now there may be."""

  def __init__(self, seconds: float):
    super().__init__(f"try again in {seconds:.1f} s")
    self.seconds = seconds


class Reply(NamedTuple):
  """What `answer` gave.

  Attributes:
    answer: the answer to the request.
    waited: seconds that the request had waited when its search began.
    beam: the beam of the search.
  """

  answer: Any
  waited: float
  beam: BeamSize


@dataclasses.dataclass(eq=False)
class _Job:
  request: SearchRequest
  arrived: float
  future: concurrent.futures.Future


def batch_size(waiting: int, sizes: Sequence[int]) -> int:
  """How many of those that wait go now, given the sizes that are compiled.

  A larger size is filled up with copies only while they are fewer than the
  requests, or where there is no smaller one; else the next smaller size goes
  full, and the rest right after.
  """
  below = max((size for size in sizes if size <= waiting), default=0)
  above = min((size for size in sizes if size >= waiting), default=below)
  return waiting if 2 * waiting > above or not below else below


class Batcher:
  """A bounded queue and the thread that empties it.

  Args:
    answer: gives one answer, or an exception in its place, for each of 1 to
      `max(sizes)` requests of one beam.
    sizes: the sizes of batches that are compiled.
    deadline: seconds that a request waits for others at most.
    capacity: requests that may wait.
    timeout: seconds after which nobody waits for an answer.
    adaptive: chooses the beam of requests that have none.
  """

  def __init__(
    self,
    answer: Callable[[list[SearchRequest]], Sequence[Any]],
    *,
    sizes: Sequence[int],
    deadline: float,
    capacity: int,
    timeout: float,
    adaptive: AdaptiveBeams | None = None,
  ):
    self._answer = answer
    self._sizes = tuple(sizes)
    self._deadline = deadline
    self._capacity = capacity
    self._timeout = timeout
    self._adaptive = adaptive
    self._jobs: collections.deque[_Job] = collections.deque()
    self._changed = threading.Condition()
    self._closing = False
    self._seconds_each = 0.0
    self._thread = threading.Thread(target=self._run, name="search")
    self._thread.start()

  @property
  def waiting(self) -> int:
    return len(self._jobs)

  @property
  def allowed(self) -> tuple[BeamSize, ...]:
    """The beams that the load allows and wider ones, widest first."""
    return self._adaptive.allowed if self._adaptive else ()

  def check_room(self) -> None:
    """Raises QueueFull where `submit` would: before a body is read, say."""
    if self._closing or len(self._jobs) >= self._capacity:
      raise QueueFull(max(1.0, len(self._jobs) * self._seconds_each))

  def submit(self, request: SearchRequest) -> concurrent.futures.Future:
    """A future `Reply`.

    Raises:
      QueueFull: at once, where the queue is full or closed.
    """
    job = _Job(request, time.monotonic(), concurrent.futures.Future())
    with self._changed:
      self.check_room()
      self._jobs.append(job)
      self._changed.notify()
    return job.future

  def close(self) -> None:
    """Takes nothing more, answers what waits, and returns."""
    with self._changed:
      self._closing = True
      self._changed.notify()
    self._thread.join()

  def _run(self) -> None:
    while (batch := self._next_batch()) is not None:
      self._run_batch(batch)

  def _next_batch(self) -> list[_Job] | None:
    with self._changed:
      self._changed.wait_for(lambda: self._jobs or self._closing)
      if not self._jobs:
        return None
      self._changed.wait_for(
        lambda: len(self._jobs) >= self._sizes[-1] or self._closing,
        self._jobs[0].arrived + self._deadline - time.monotonic(),
      )
      return self._take()

  def _take(self) -> list[_Job]:
    """The next batch leaves the queue; what nobody waits for goes with it."""
    since = time.monotonic() - self._timeout
    alive = [
      job
      for job in self._jobs
      if job.arrived > since and not job.future.cancelled()
    ]
    same = [j for j in alive if j.request.beam == alive[0].request.beam]
    taken = same[: batch_size(len(same[: self._sizes[-1]]), self._sizes)]
    gone = set(map(id, taken))
    self._jobs = collections.deque(j for j in alive if id(j) not in gone)
    return taken

  def _run_batch(self, batch: list[_Job]) -> None:
    batch = [j for j in batch if j.future.set_running_or_notify_cancel()]
    if not batch:
      return
    start = time.monotonic()
    requests = self._with_beams(batch, start)
    try:
      answers = list(self._answer(requests))
    except Exception as error:
      answers = [error] * len(batch)
    ended = time.monotonic()
    each = (ended - start) / len(batch)
    self._seconds_each += 0.2 * (each - self._seconds_each)
    beam = requests[0].beam
    assert beam is not None
    if self._adaptive:
      late = [ended - job.arrived for job in batch]
      self._adaptive.ended(beam, ended - start, late)
    for job, answer in zip(batch, answers):
      if isinstance(answer, Exception):
        job.future.set_exception(answer)
      else:
        job.future.set_result(Reply(answer, start - job.arrived, beam))

  def _with_beams(
    self, batch: Sequence[_Job], now: float
  ) -> list[SearchRequest]:
    """The requests of a batch, with the beam that fits the load."""
    requests = [job.request for job in batch]
    if self._adaptive is None or requests[0].beam is not None:
      return requests
    backlog = Backlog(
      batch=len(batch),
      behind=len(self._jobs),
      waited=now - min(job.arrived for job in batch),
      k=max(request.k for request in requests),
    )
    beam = self._adaptive.choose(backlog)
    return [dataclasses.replace(each, beam=beam) for each in requests]
