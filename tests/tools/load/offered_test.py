"""Offered load is what it says, and figures count what came in time."""

import asyncio
import itertools
import math
import random
import types

import pytest

from tools.load import offered
from tools.load.offered import Load, Sent


def test_arrivals_are_a_poisson_process_of_the_rate():
  moments = offered.arrivals(50.0, 400.0, random.Random(0))
  assert all(0 <= a < b < 400 for a, b in itertools.pairwise(moments))
  assert len(moments) == pytest.approx(20_000, rel=0.03)
  gaps = [b - a for a, b in itertools.pairwise(moments)]
  mean = sum(gaps) / len(gaps)
  deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
  assert deviation == pytest.approx(mean, rel=0.05)  # Of an exponential.


def test_figures_count_answers_in_time_only():
  sent = [Sent(200, n / 100) for n in range(1, 101)]
  sent += [Sent(429, 0.001)] * 50 + [Sent(0, 30.0)] * 50
  load = Load(rate=20.0, seconds=10.0, sent=sent, within=0.25)
  assert load.goodput == 2.5
  assert offered.percentile(load.sent, 50) == pytest.approx(500)
  assert offered.percentile(load.sent, 99) == pytest.approx(990)
  assert load.share(429) == 0.25


def measured(post, *, seconds, change=None):
  return asyncio.run(
    offered.offer(
      types.SimpleNamespace(post=post),
      [("/search", b"{}")],
      rate=100.0,
      seconds=seconds,
      within=1.0,
      timeout=10.0,
      rng=random.Random(0),
      change=change,
    )
  )


def test_latency_counts_from_when_a_request_should_have_left():
  """A server that answers one by one cannot hide that others wait."""
  lock = asyncio.Lock()

  async def slow(path, body):
    async with lock:
      await asyncio.sleep(0.05)
    return 200

  load = measured(slow, seconds=0.3)
  assert offered.percentile(load.sent, 99) > 1e3 * 0.05 * (len(load.sent) - 12)


def test_changes_come_in_the_second_half_until_there_are_none():
  left = iter([True, True, False])

  async def at_once(path, body):
    return 200

  async def change():
    await asyncio.sleep(0.03)
    return next(left)

  load = measured(at_once, seconds=0.4, change=change)
  assert len(load.changes) == 2
  assert all(0.2 <= begin < end - 0.02 for begin, end in load.changes)
  meanwhile = load.during_changes()
  assert 0 < len(meanwhile) < len(load.sent)
  assert min(s.moment + s.seconds for s in meanwhile) >= 0.2
