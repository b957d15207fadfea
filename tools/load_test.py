"""How a server answers under load: what is asked at which rate, and how late.

  python -m gr_jax.serving --artefacts=runs/cq_sid-default
  python tools/load_test.py --rates=5,10,20,40 --seconds=10 --output=load.svg

Requests arrive by themselves (open loop, Poisson), whether or not earlier ones
were answered: a client that waits for its answers would slow down with the
server and hide its delays. Latency counts from the moment a request should have
left. Goodput is the rate of answers that came within `--within` milliseconds.
Only a server of this machine is asked.
"""

import argparse
import asyncio
import dataclasses
import ipaddress
import json
import math
import pathlib
import random
import sys
import time
import urllib.parse
from collections.abc import Sequence

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

_MOST_REQUESTS = 100_000


@dataclasses.dataclass(frozen=True)
class Sent:
  """One request: HTTP status (0 = no answer) and seconds until its end."""

  status: int
  seconds: float


@dataclasses.dataclass(frozen=True)
class Load:
  """What came of one rate.

  Attributes:
    rate: requests a second that were sent.
    seconds: how long.
    sent: what became of each.
    within: seconds that an answer may take to count.
  """

  rate: float
  seconds: float
  sent: list[Sent]
  within: float

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
    found = sorted(s.seconds for s in self.sent if s.status == 200)
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


async def ask(url: urllib.parse.SplitResult, path: str, body: bytes) -> int:
  """The status of one POST on a connection of its own; 0 without an answer."""
  head = (
    f"POST {path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
  )
  try:
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
      writer.write(head.encode() + body)
      found = await reader.read()
    finally:
      writer.close()
    return int(found.split(b" ", 2)[1])
  except (OSError, IndexError, ValueError):
    return 0


async def offer(
  url: urllib.parse.SplitResult,
  bodies: Sequence[tuple[str, bytes]],
  *,
  rate: float,
  seconds: float,
  within: float,
  timeout: float,
  rng: random.Random,
) -> Load:
  """Sends requests at a rate and waits until each has ended.

  Args:
    url: of the server.
    bodies: (path, body), drawn at random.
    rate: requests a second.
    seconds: how long.
    within: seconds that an answer may take to count.
    timeout: seconds after which nobody waits.
    rng: of moments and bodies.
  """
  start = asyncio.get_running_loop().time() + 0.05

  async def one(moment: float, path: str, body: bytes) -> Sent:
    clock = asyncio.get_running_loop().time
    await asyncio.sleep(start + moment - clock())
    try:
      status = await asyncio.wait_for(ask(url, path, body), timeout)
    except TimeoutError:
      status = 0
    return Sent(status, clock() - start - moment)

  tasks = [
    one(moment, *rng.choice(bodies)) for moment in arrivals(rate, seconds, rng)
  ]
  return Load(rate, seconds, list(await asyncio.gather(*tasks)), within)


COLUMNS = (
  "offered/s",
  "goodput/s",
  "p50 ms",
  "p95 ms",
  "p99 ms",
  "429",
  "lost",
)


def rows(loads: Sequence[Load]) -> list[tuple[str, ...]]:
  """The figures of every rate, as text."""
  return [
    (
      f"{load.rate:g}",
      f"{load.goodput:.1f}",
      *(f"{load.percentile(q):.0f}" for q in (50, 95, 99)),
      f"{load.share(429):.1%}",
      f"{1 - load.share(200) - load.share(429):.1%}",
    )
    for load in loads
  ]


def text_table(loads: Sequence[Load]) -> str:
  """Markdown."""
  lines = [COLUMNS, ("---:",) * len(COLUMNS), *rows(loads)]
  return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plot(loads: Sequence[Load]) -> str:
  """SVG: goodput, and latency, against the rate that was offered."""
  # Imported late: matplotlib takes a second, and --help should not.
  from gr_jax.evaluation import svg, svg_file

  rates = [load.rate for load in loads]
  with svg.drawing("load"):
    figure, (good, late) = svg.panels(2, width=8, height=3)
    good.plot(rates, rates, color=svg.FLOOR, linestyle="--")
    good.plot(
      rates, [load.goodput for load in loads], color=svg.SERIES[0], marker="o"
    )
    good.set_title(f"Answers within {1e3 * loads[0].within:g} ms, a second")
    for color, q in zip(svg.SERIES, (50, 95, 99)):
      late.plot(
        rates,
        [load.percentile(q) for load in loads],
        color=color,
        marker="o",
        label=f"p{q}",
      )
    late.set_yscale("log")
    late.set_title("Latency, ms")
    late.legend(frameon=False)
    for axes in (good, late):
      axes.set_xlabel("requests offered a second")
      svg.grid(axes, "y")
    drawn = svg.to_svg(figure, label="Goodput and latency against load.")
  return svg_file.standing_alone(drawn)


def read_bodies(path: pathlib.Path | None) -> list[tuple[str, bytes]]:
  """Requests of a file of JSON lines; without one, a few of our own.

  Raises:
    ValueError: a line that is no JSON object, or no line at all.
  """
  if path is None:
    words = ("milk", "bread", "cheese", "apples", "coffee", "cup", "chicken")
    found = [{"query": word} for word in words]
  else:
    lines = path.read_text().splitlines()
    found = [json.loads(line) for line in lines if line.strip()]
  if not found or not all(isinstance(each, dict) for each in found):
    raise ValueError(f"{path}: needs a JSON object on every line.")
  return [
    ("/search" if "query" in each else "/recommend", json.dumps(each).encode())
    for each in found
  ]


def local(text: str) -> urllib.parse.SplitResult:
  """The address of a server of this machine.

  Raises:
    ValueError: any other.
  """
  url = urllib.parse.urlsplit(text)
  host = "127.0.0.1" if url.hostname == "localhost" else url.hostname or ""
  try:
    fine = ipaddress.ip_address(host).is_loopback and url.port
  except ValueError:
    fine = False
  if url.scheme != "http" or not fine:
    raise ValueError(
      f"--url={text}: only http://127.0.0.1:PORT or the like; this tool is "
      "for servers of your own machine."
    )
  return url


def main(arguments: list[str] | None = None) -> int:
  """Measures, prints and draws; returns the exit code."""
  flags = _parser().parse_args(arguments)
  try:
    _check(flags)
    loads = asyncio.run(_measure(flags, local(flags.url)))
    print(text_table(loads))
    if flags.output:
      flags.output.write_text(plot(loads))
  except (ValueError, OSError) as error:
    print(f"error: {error}", file=sys.stderr)
    return 1
  except KeyboardInterrupt:
    return 130
  return 0


async def _measure(flags, url: urllib.parse.SplitResult) -> list[Load]:
  bodies, rng = read_bodies(flags.requests), random.Random(flags.seed)
  status = await ask(url, *bodies[0])
  if status != 200:
    raise ValueError(f"{flags.url} answers the first request with {status}.")
  loads = []
  for rate in flags.rates:
    began = time.monotonic()
    load = await offer(
      url,
      bodies,
      rate=rate,
      seconds=flags.seconds,
      within=flags.within / 1e3,
      timeout=flags.timeout,
      rng=rng,
    )
    loads.append(load)
    took = time.monotonic() - began
    print(f"{rate:g}/s: {took:.1f} s", file=sys.stderr, flush=True)
  return loads


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
  parser = argparse.ArgumentParser(
    prog="python tools/load_test.py",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
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
  add("--output", type=pathlib.Path, help="SVG file")
  return parser


if __name__ == "__main__":
  sys.exit(main())
