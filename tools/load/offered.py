"""Requests that arrive by themselves, and the end of each."""

import asyncio
import dataclasses
import math
import random
from collections.abc import Awaitable, Callable, Sequence

from tools.load.requests import Connections

Change = Callable[[], Awaitable[bool]]
"""Changes the catalogue once; False where nothing was left to change."""


@dataclasses.dataclass(frozen=True)
class Sent:
  """One request: HTTP status (0 = no answer), seconds until its end, and the
  second at which it should have left."""

  status: int
  seconds: float
  moment: float = 0.0


@dataclasses.dataclass(frozen=True)
class Load:
  """The requests of one rate.

  Attributes:
    rate: requests a second that were sent.
    seconds: the time over which they were sent.
    sent: the end of each.
    within: seconds that an answer may take to count.
    changes: begin and end of every change to the catalogue meanwhile.
  """

  rate: float
  seconds: float
  sent: list[Sent]
  within: float
  changes: Sequence[tuple[float, float]] = ()

  @property
  def goodput(self) -> float:
    """The answers in time, a second."""
    good = [
      s for s in self.sent if s.status == 200 and s.seconds <= self.within
    ]
    return len(good) / self.seconds

  def share(self, status: int) -> float:
    """The share of requests with this status."""
    return sum(s.status == status for s in self.sent) / max(1, len(self.sent))

  def during_changes(self) -> list[Sent]:
    """The requests that were under way while the catalogue changed."""
    return [
      s
      for s in self.sent
      if any(s.moment < b and a < s.moment + s.seconds for a, b in self.changes)
    ]


def percentile(sent: Sequence[Sent], q: float) -> float:
  """The milliseconds that `q` per cent of the answers took at most."""
  found = sorted(s.seconds for s in sent if s.status == 200)
  if not found:
    return float("nan")
  return 1e3 * found[max(0, math.ceil(q / 100 * len(found)) - 1)]


def arrivals(rate: float, seconds: float, rng: random.Random) -> list[float]:
  """Draws the moments of a Poisson process in `[0, seconds)`."""
  found, now = [], rng.expovariate(rate)
  while now < seconds:
    found.append(now)
    now += rng.expovariate(rate)
  return found


async def offer(
  connections: Connections,
  bodies: Sequence[tuple[str, bytes]],
  *,
  rate: float,
  seconds: float,
  within: float,
  timeout: float,
  rng: random.Random,
  change: Change | None = None,
) -> Load:
  """Sends requests at a rate and waits until each has ended.

  Args:
    connections: the connections to the server.
    bodies: paths and bodies, drawn at random.
    rate: requests a second.
    seconds: the time over which they are sent.
    within: seconds that an answer may take to count.
    timeout: seconds after which nobody waits.
    rng: the source of moments and bodies.
    change: called again and again in the second half, until it has nothing
      more to change.
  """
  clock = asyncio.get_running_loop().time
  start, sent = clock() + 0.05, []

  async def one(moment: float, path: str, body: bytes) -> None:
    try:
      status = await asyncio.wait_for(connections.post(path, body), timeout)
    except TimeoutError:
      status = 0
    sent.append(Sent(status, clock() - start - moment, moment))

  async def keep_changing() -> list[tuple[float, float]]:
    spans = []
    await asyncio.sleep(start + seconds / 2 - clock())
    while change and (begin := clock() - start) < seconds:
      if not await change():
        break
      spans.append((begin, clock() - start))
    return spans

  async with asyncio.TaskGroup() as tasks:
    changing = tasks.create_task(keep_changing())
    for moment in arrivals(rate, seconds, rng):
      await asyncio.sleep(start + moment - clock())
      tasks.create_task(one(moment, *rng.choice(bodies)))
  sent.sort(key=lambda each: each.moment)
  return Load(rate, seconds, sent, within, changing.result())
