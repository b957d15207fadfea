"""Requests that arrive by themselves, and what became of them."""

import asyncio
import dataclasses
import math
import random
from collections.abc import Awaitable, Callable, Sequence

from tools.load.requests import Connections

# Whether there was anything left to change.
Change = Callable[[], Awaitable[bool]]


@dataclasses.dataclass(frozen=True)
class Sent:
  """One request: HTTP status (0 = no answer), seconds until its end, and the
  second at which it should have left."""

  status: int
  seconds: float
  moment: float = 0.0


@dataclasses.dataclass(frozen=True)
class Load:
  """What came of one rate.

  Attributes:
    rate: requests a second that were sent.
    seconds: how long.
    sent: what became of each.
    within: seconds that an answer may take to count.
    changes: (begin, end) of every change to the catalogue meanwhile.
  """

  rate: float
  seconds: float
  sent: list[Sent]
  within: float
  changes: Sequence[tuple[float, float]] = ()

  @property
  def goodput(self) -> float:
    """Answers in time, a second."""
    good = [
      s for s in self.sent if s.status == 200 and s.seconds <= self.within
    ]
    return len(good) / self.seconds

  def share(self, status: int) -> float:
    """Of all requests, those with this status."""
    return sum(s.status == status for s in self.sent) / max(1, len(self.sent))

  def percentile(self, q: float) -> float:
    """Milliseconds that `q` per cent of the answers took at most."""
    return percentile(self.sent, q)

  def during_changes(self) -> list[Sent]:
    """The requests that were under way while the catalogue changed."""
    return [
      s
      for s in self.sent
      if any(s.moment < b and a < s.moment + s.seconds for a, b in self.changes)
    ]


def percentile(sent: Sequence[Sent], q: float) -> float:
  """Milliseconds that `q` per cent of the answers took at most."""
  found = sorted(s.seconds for s in sent if s.status == 200)
  if not found:
    return float("nan")
  return 1e3 * found[max(0, math.ceil(q / 100 * len(found)) - 1)]


def arrivals(rate: float, seconds: float, rng: random.Random) -> list[float]:
  """Moments of a Poisson process in `[0, seconds)`."""
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
    connections: to the server.
    bodies: (path, body), drawn at random.
    rate: requests a second.
    seconds: how long.
    within: seconds that an answer may take to count.
    timeout: seconds after which nobody waits.
    rng: of moments and bodies.
    change: changes the catalogue once; called again and again in the second
      half, until it has nothing more to change.
  """
  clock = asyncio.get_running_loop().time
  start, sent = clock() + 0.05, []

  async def one(moment: float, path: str, body: bytes) -> None:
    try:
      status = await asyncio.wait_for(connections.ask(path, body), timeout)
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
