"""Requests that arrive at a steady rate, and the answer to each."""

import http.client
import json
import threading
import time
import urllib.parse
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Answered(NamedTuple):
  """One request.

  Attributes:
    body: the number of its body.
    moment: `time.monotonic` at which it should have left.
    seconds: from then on until its answer was whole.
    status: of HTTP, 0 where the connection broke.
    content: the answer.
  """

  body: int
  moment: float
  seconds: float
  status: int
  content: Any

  def overlaps(self, spans: Sequence[tuple[float, float]]) -> bool:
    """Whether it was under way in one of the spans of time."""
    end = self.moment + self.seconds
    return any(self.moment < b and a < end for a, b in spans)


class SteadyLoad:
  """Sends searches until it is left; a context manager.

  Args:
    url: the server.
    bodies: sent in turn.
    rate: requests a second; None = each of the workers as fast as it can.
    workers: requests under way at most.

  Attributes:
    answers: so far.
  """

  def __init__(
    self,
    url: str,
    bodies: Sequence[dict],
    *,
    rate: float | None,
    workers: int = 16,
  ):
    self.answers: list[Answered] = []
    self._host = urllib.parse.urlsplit(url).netloc
    self._bodies = [json.dumps(body).encode() for body in bodies]
    self._gap = workers / rate if rate else 0.0
    self._stop = threading.Event()
    start = time.monotonic()
    self._threads = [
      threading.Thread(
        target=self._work, args=(w, start + w * self._gap / workers)
      )
      for w in range(workers)
    ]

  def __enter__(self) -> "SteadyLoad":
    for thread in self._threads:
      thread.start()
    return self

  def __exit__(self, *error) -> None:
    self._stop.set()
    for thread in self._threads:
      thread.join()

  def _work(self, number: int, due: float) -> None:
    connection = http.client.HTTPConnection(self._host, timeout=60)
    while not self._stop.wait(max(0.0, due - time.monotonic())):
      begun = due if self._gap else time.monotonic()
      body = number % len(self._bodies)
      try:
        connection.request(
          "POST", "/search", self._bodies[body],
          {"content-type": "application/json"} | _token(),
        )  # fmt: skip
        response = connection.getresponse()
        status, content = response.status, json.loads(response.read())
      except (OSError, http.client.HTTPException, ValueError) as error:
        status, content = 0, repr(error)
        connection.close()
      seconds = time.monotonic() - begun
      self.answers.append(Answered(body, begun, seconds, status, content))
      number, due = number + 1, due + self._gap
    connection.close()


def _token() -> dict[str, str]:
  return {"authorization": "Bearer s3cret"}


def milliseconds(answers: Sequence[Answered], q: float) -> float:
  """The percentile `q` of the latencies."""
  return 1e3 * float(np.percentile([each.seconds for each in answers], q))
