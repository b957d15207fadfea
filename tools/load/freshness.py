"""Whether changes of single items are obeyed by the very next request."""

import asyncio
import dataclasses
import itertools
import json
import math
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Posts a body to a path; returns the answer, and raises where it is none."""

# Prices that no item of a catalogue has.
_FIRST_PRICE = 1_000_000
# Ids of new items, which come and go: a catalogue has room for so many only.
_NEW = 8


@dataclasses.dataclass
class Freshness:
  """Changes of one item each, and what the next requests said.

  Attributes:
    seconds: the time over which changes were made.
    changes: seconds of each change, from sending it to its answer.
    obeyed: seconds from sending a change to the end of the first request after
      it, which obeyed it.
    disobeyed: the changes that the next request did not obey.
  """

  seconds: float
  changes: list[float] = dataclasses.field(default_factory=list)
  obeyed: list[float] = dataclasses.field(default_factory=list)
  disobeyed: list[str] = dataclasses.field(default_factory=list)

  def line(self) -> str:
    """The figures in one line."""
    late = [f"{1e3 * _percentile(self.changes, q):.0f}" for q in (50, 99)]
    next_one = [f"{1e3 * _percentile(self.obeyed, q):.0f}" for q in (50, 99)]
    return (
      f"{len(self.changes) / self.seconds:.0f} changes a second; a change "
      f"{late[0]} ms (p50), {late[1]} ms (p99); with the request after it "
      f"{next_one[0]} and {next_one[1]} ms; {len(self.obeyed)} obeyed by the "
      f"next request, {len(self.disobeyed)} not {self.disobeyed[:5]}"
    )


def _percentile(values: list[float], q: float) -> float:
  found = sorted(values) or [float("nan")]
  return found[max(0, math.ceil(q / 100 * len(found)) - 1)]


async def freshness(
  ask: Ask,
  query: dict[str, Any],
  *,
  rate: float,
  seconds: float,
  rng: random.Random,
) -> Freshness:
  """Changes items at a rate, and checks some of the changes.

  Prices of answered items change by themselves (open loop); beside them an item
  is paused and resumed, and another added, priced anew and removed, each step
  followed by one request.

  Args:
    ask: posts to the server.
    query: the body of a search that has answers.
    rate: changes a second by themselves.
    seconds: the time over which they are made.
    rng: chooses items and prices.

  Raises:
    ValueError: a search without answers, or a request that was refused.
  """
  clock = asyncio.get_running_loop().time
  found, start = Freshness(seconds), clock()
  known = [item["id"] for item in (await ask("/search", query))["items"]]
  if not known:
    raise ValueError(f"the search {json.dumps(query)} has no answer.")

  async def change(body: dict[str, Any]) -> None:
    begin = clock()
    await ask("/items", body)
    found.changes.append(clock() - begin)

  async def price_some() -> None:
    async with asyncio.TaskGroup() as tasks:
      for number in range(int(rate * seconds)):
        await asyncio.sleep(start + number / rate - clock())
        prices = {rng.choice(known): round(rng.uniform(1, 9), 2)}
        tasks.create_task(change({"prices": prices}))

  async def check_some() -> None:
    for name, body, search, obeyed in _probes(query, known):
      if clock() - start >= seconds:
        return
      begin = clock()
      await change(body)
      answer = await ask("/search", search)
      if obeyed([item["id"] for item in answer["items"]]):
        found.obeyed.append(clock() - begin)
      else:
        found.disobeyed.append(name)

  try:
    async with asyncio.TaskGroup() as tasks:
      tasks.create_task(price_some())
      tasks.create_task(check_some())
  except* ValueError as refused:
    first = refused.exceptions[0]
    while isinstance(first, ExceptionGroup):
      first = first.exceptions[0]
    raise first from None
  return found


_Probe = tuple[str, dict[str, Any], dict[str, Any], Callable[[list[str]], bool]]


def _probes(query: dict[str, Any], known: list[str]) -> Iterator[_Probe]:
  """Name, change, the search after it, and whether its ids obey."""
  for number in itertools.count():
    item, new = known[number % len(known)], f"fresh-{number % _NEW}"
    yield (
      "pause",
      {"paused": {item: True}},
      query,
      lambda ids, item=item: item not in ids,
    )
    yield (
      "resume",
      {"paused": {item: False}},
      query,
      lambda ids, item=item: item in ids,
    )
    price = _FIRST_PRICE + 2 * number
    band = query | {"filters": {"price": {"min": price, "max": price}}}
    # The open loop may price it again meanwhile: one that is new stays.
    yield (
      "add",
      {"add": [{"id": new, "text": f"new {number}", "price": price}]},
      band,
      lambda ids, new=new: ids == [new],
    )
    price += 1
    band = query | {"filters": {"price": {"min": price, "max": price}}}
    yield (
      "price",
      {"prices": {new: price}},
      band,
      lambda ids, new=new: ids == [new],
    )
    yield "remove", {"remove": [new]}, band, lambda ids: not ids
