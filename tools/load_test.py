"""Measures how late a server answers at which rate of requests.

  python -m gr_jax.serving --artefacts=runs/cq_sid-default
  python tools/load_test.py --rates=5,10,20,40 --seconds=10 --output=load.svg

Requests arrive by themselves (open loop, Poisson), whether or not earlier ones
were answered: a client that waits for its answers would slow down with the
server and hide its delays. Latency counts from the moment a request should have
left. Goodput is the rate of answers that came within `--within` milliseconds.
With `--add`, items are added to the catalogue in the second half of every rate,
and the latency of the requests meanwhile is reported. With `--freshness`,
single items are paused, resumed, priced and added at that rate, each of some of
these changes is followed by one request, and it is counted whether that obeyed;
the items keep other prices. Only a server of this
machine gets requests.
"""

import argparse
import asyncio
import json
import pathlib
import random
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from gr_jax import command_line
from tools.load.changes import adding, read_items
from tools.load.freshness import Freshness, freshness
from tools.load.offered import Load, offer
from tools.load.report import change_lines, plot, text_table
from tools.load.requests import Connections, local, read_bodies

_MOST_REQUESTS = 1_000_000


def main(arguments: list[str] | None = None) -> int:
  """Measures, prints and draws; returns the exit code."""
  return command_line.run(_parser(), _work, arguments)


def _work(flags: argparse.Namespace) -> None:
  _check(flags)
  if flags.freshness:
    print(asyncio.run(_freshness(flags, local(flags.url))).line())
    return
  loads = asyncio.run(_measure(flags, local(flags.url)))
  print("\n".join([text_table(loads), *change_lines(loads)]))
  if flags.output:
    flags.output.write_text(plot(loads))


async def _measure(flags, url: urllib.parse.SplitResult) -> list[Load]:
  bodies, rng = read_bodies(flags.requests), random.Random(flags.seed)
  connections = Connections(url)
  status = await connections.post(*bodies[0])
  if status != 200:
    raise ValueError(f"{flags.url} answers the first request with {status}.")
  loads = []
  for rate in flags.rates:
    began = time.monotonic()
    load = await offer(
      connections,
      bodies,
      rate=rate,
      seconds=flags.seconds,
      within=flags.within / 1e3,
      timeout=flags.timeout,
      rng=rng,
      change=_changes(flags, connections),
    )
    loads.append(load)
    took = time.monotonic() - began
    print(f"{rate:g}/s: {took:.1f} s", file=sys.stderr, flush=True)
  connections.close()
  return loads


async def _freshness(flags, url: urllib.parse.SplitResult) -> Freshness:
  bodies, rng = read_bodies(flags.requests), random.Random(flags.seed)
  query = next((json.loads(b) for path, b in bodies if path == "/search"), {})
  connections = Connections(url)
  try:
    return await freshness(
      connections.ask,
      query,
      rate=flags.freshness,
      seconds=flags.seconds,
      rng=rng,
    )
  finally:
    connections.close()


def _changes(flags, connections: Connections):
  if not flags.add:
    return None
  return adding(
    connections,
    read_items(flags.items, seed=flags.seed),
    count=flags.add,
    times=flags.times,
  )


def _check(flags: argparse.Namespace) -> None:
  total = sum(flags.rates) * flags.seconds
  if min(flags.rates) <= 0 or flags.seconds <= 0 or total > _MOST_REQUESTS:
    raise ValueError(
      f"--rates and --seconds make {total:g} requests; they must be positive "
      f"and make at most {_MOST_REQUESTS}."
    )


def _rates(text: str) -> list[float]:
  return sorted(float(part) for part in text.split(","))


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser("python tools/load_test.py", __doc__)
  add = parser.add_argument
  add("--url", default="http://127.0.0.1:8000", help="[http://127.0.0.1:8000]")
  add("--rates", type=_rates, default=[5, 10, 20], help="a second [5,10,20]")
  add("--seconds", type=float, default=10.0, help="for every rate [10]")
  add(
    "--within", type=float, default=250.0, help="milliseconds of goodput [250]"
  )
  add("--timeout", type=float, default=30.0, help="seconds of patience [30]")
  add(
    "--requests",
    type=pathlib.Path,
    help="file of bodies, one JSON object a line; with a query they are "
    "searches, without one recommendations [a few words]",
  )
  add("--seed", type=int, default=0, help="of moments and requests [0]")
  add("--add", type=int, default=0, help="items added in one change [0]")
  add(
    "--freshness",
    type=float,
    default=0.0,
    help="changes of single items a second, in place of --rates [0]",
  )
  add("--times", type=int, default=5, help="changes for every rate [5]")
  add(
    "--items",
    type=pathlib.Path,
    help="file of items to add, one JSON object a line [made-up words]",
  )
  add("--output", type=pathlib.Path, help="SVG file")
  return parser


if __name__ == "__main__":
  sys.exit(main())
