"""Threads for work of one kind, and a bounded queue in front of them.

What lists, draws or changes takes Python's lock from the searches beside it. A
lane of its own keeps each kind from using the threads of another, refuses what
would wait too long, and may rest after each piece of work, so that any number
of readers leaves the searches most of the time. [OURS]
"""

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from gr_jax.serving.engine.batching import QueueFull

Result = TypeVar("Result")


class LaneFull(QueueFull):
  """There is no place in a lane."""


class Lane:
  """A bounded pool of threads.

  Args:
    name: the name of its threads.
    threads: how many work at once.
    waiting: how many pieces of work may wait for them.
    rest: seconds of rest for each second of work, one at most; of one thread
      only.
    timeout: seconds until nobody waits for the result, and work that would wait
      for half of that is refused; None = it is waited for.
  """

  def __init__(
    self,
    name: str,
    *,
    threads: int = 1,
    waiting: int = 100,
    rest: float = 0.0,
    timeout: float | None = None,
  ):
    self._pool = concurrent.futures.ThreadPoolExecutor(threads, name)
    self._most = threads + waiting
    self._threads, self._rest, self._timeout = threads, rest, timeout
    self._inside = 0
    self._counting = threading.Lock()
    self._each = 0.0  # Seconds of work and rest, as of late.
    self._rested = 0.0  # The time at which the thread may work again.

  def check_room(self) -> None:
    """Raises QueueFull where `run` would: before a body is read, say."""
    self._enter()
    self._leave()

  async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
    """The result of the work.

    Raises:
      QueueFull: at once.
      TimeoutError: too late; work that has not begun is given up.
    """
    found = asyncio.wrap_future(self.submit(work, *arguments))
    return await asyncio.wait_for(found, self._timeout)

  def submit(
    self, work: Callable[..., Result], *arguments: Any
  ) -> concurrent.futures.Future[Result]:
    """The future result; raises QueueFull."""
    self._enter()
    try:
      future = self._pool.submit(self._work, work, *arguments)
    except BaseException:
      self._leave()
      raise
    future.add_done_callback(self._leave)
    return future

  def _enter(self) -> None:
    with self._counting:
      wait = self._inside * self._each / self._threads
      late = self._timeout is not None and wait > self._timeout / 2
      if late or self._inside >= self._most:
        raise LaneFull(max(1.0, wait))
      self._inside += 1

  def _leave(self, _: Any = None) -> None:
    with self._counting:
      self._inside -= 1

  def _work(self, work: Callable[..., Result], *arguments: Any) -> Result:
    begun = time.monotonic()
    if begun < self._rested:
      time.sleep(self._rested - begun)
      begun = time.monotonic()
    try:
      return work(*arguments)
    finally:
      ended = time.monotonic()
      rest = min(1.0, self._rest * (ended - begun))
      self._rested = ended + rest
      self._each += 0.2 * (ended - begun + rest - self._each)
