"""A server whose traffic jumps, on a clock of its own."""

import collections
import itertools
import math
import random
import time

import pytest

from gr_jax.decoding.beams import decoder_positions
from gr_jax.serving.engine.adaptive_beams import AdaptiveBeams, scaled_beams
from gr_jax.serving.engine.batching import Batcher, batch_size
from gr_jax.serving.engine.load_meter import Backlog
from gr_jax.serving.requests import SearchRequest

BASE = (128, 256, 512)
MULTIPLES = (0.25, 0.5, 1.0, 1.6)
BEAMS = scaled_beams(BASE, MULTIPLES, 3)
SIZES = (1, 4, 16)
TARGET, CAPACITY, TIMEOUT = 0.1, 256, 10.0


class Simulated:
  """A queue and a device: a search takes as long as its beams and batch.

  Args:
    rates: `(requests a second, seconds)`, one after the other.
    follow: whether the beams follow the load.
  """

  def __init__(self, rates, *, follow=True, seed=0):
    self.now = 0.0
    self.adaptive = AdaptiveBeams(
      BEAMS, levels=3, target=TARGET, sizes=SIZES, start=2,
      clock=lambda: self.now,
    )  # fmt: skip
    self.refused, self.answers = 0, []  # (arrived, late, beam)
    rng, arrivals, begin = random.Random(seed), [], 0.0
    for rate, seconds in rates:
      moment = begin + rng.expovariate(rate)
      while moment < begin + seconds:
        arrivals.append(moment)
        moment += rng.expovariate(rate)
      begin += seconds
    self._run(collections.deque(arrivals), follow)

  def seconds(self, beam, batch):
    """2 ms a search, and 4 ms a request of the base beam."""
    padded = next(size for size in SIZES if size >= batch)
    share = decoder_positions(beam) / decoder_positions(BASE)
    return 0.002 + 0.004 * padded * (0.1 + 0.9 * share)

  def _run(self, arrivals, follow):
    queue = collections.deque()
    while arrivals or queue:
      if not queue:
        self.now = max(self.now, arrivals[0])
      while arrivals and arrivals[0] <= self.now:
        moment = arrivals.popleft()
        if len(queue) < CAPACITY:
          queue.append(moment)
        else:
          self.refused += 1
      size = batch_size(min(len(queue), SIZES[-1]), SIZES)
      batch = [queue.popleft() for _ in range(size)]
      beam = BASE
      if follow:
        waited = self.now - batch[0]
        beam = self.adaptive.choose(Backlog(size, len(queue), waited, 10))
      seconds = self.seconds(beam, size)
      self.now += seconds
      late = [self.now - moment for moment in batch]
      self.adaptive.ended(beam, seconds, late)
      self.answers += [(m, l, beam) for m, l in zip(batch, late)]

  def late(self, begin, end):
    """The 99th percentile of those that arrived meanwhile."""
    found = sorted(l for m, l, _ in self.answers if begin <= m < end)
    return found[math.ceil(0.99 * len(found)) - 1]

  def beams(self, begin, end):
    return [beam for m, _, beam in self.answers if begin <= m < end]


# The base beam answers at most 246 a second in full batches.
STEP = ((110, 10.0), (440, 20.0), (20, 15.0))


@pytest.mark.parametrize("seed", range(2))
def test_four_times_the_traffic_is_answered_in_time_within_five_seconds(seed):
  found = Simulated(STEP, seed=seed)
  # Nothing is refused, and nothing comes near the time-out.
  assert found.refused == 0
  assert max(late for _, late, _ in found.answers) < TIMEOUT / 10
  assert found.late(2.0, 10.0) <= TARGET
  assert found.late(15.0, 30.0) <= TARGET
  # Before the step as wide as usual at least, during it narrower, but no more
  # than needed; and in the quiet after it 60 % wider.
  assert min(found.beams(2.0, 10.0)) >= BEAMS[2]
  assert set(found.beams(15.0, 30.0)) <= {BEAMS[0], BEAMS[1], BEAMS[2]}
  assert set(found.beams(38.0, 45.0)) == {BEAMS[3]}


@pytest.mark.slow
def test_a_queue_of_threads_follows_as_the_simulation_does():
  """Searches that sleep as long as simulated ones take, in real time."""
  adaptive = AdaptiveBeams(BEAMS, levels=3, target=TARGET, sizes=SIZES, start=2)

  def answer(requests):
    time.sleep(Simulated.seconds(None, requests[0].beam, len(requests)))
    return [None] * len(requests)

  batcher = Batcher(
    answer, sizes=SIZES, deadline=0.0, capacity=CAPACITY, timeout=TIMEOUT,
    adaptive=adaptive,
  )  # fmt: skip
  rng, answers, begin, moment = random.Random(0), [], time.monotonic(), 0.0
  try:
    while moment < 24:
      rate = 110 if moment < 5 else 440 if moment < 14 else 20
      moment += rng.expovariate(rate)
      time.sleep(max(0.0, begin + moment - time.monotonic()))
      future = batcher.submit(SearchRequest(None, 10))
      future.add_done_callback(
        lambda done, moment=moment: answers.append(
          (moment, time.monotonic() - begin - moment, done.result().beam)
        )
      )
  finally:
    batcher.close()
  late = sorted(late for moment, late, _ in answers if 10 <= moment < 14)
  assert late[int(0.99 * len(late))] <= TARGET
  assert {beam for moment, _, beam in answers if 10 <= moment < 14} <= {
    BEAMS[0], BEAMS[1], BEAMS[2],
  }  # fmt: skip
  assert {beam for moment, _, beam in answers if moment > 22} == {BEAMS[3]}


def test_without_following_the_same_traffic_is_refused_and_late():
  found = Simulated(STEP, follow=False)
  assert found.refused > 1000
  assert found.late(15.0, 30.0) > TARGET


def test_a_steady_load_changes_the_beam_seldom():
  for rate in (20, 110, 440):
    beams = Simulated([(rate, 15.0)]).beams(5.0, 15.0)
    changes = sum(a != b for a, b in itertools.pairwise(beams))
    assert changes <= 10, rate


def test_no_beam_is_too_narrow_for_the_items_that_are_wanted():
  adaptive = AdaptiveBeams(BEAMS, levels=3, target=0.1, sizes=SIZES)
  for k, beam in ((10, 0), (128, 0), (129, 1), (512, 2), (513, 3), (999, 3)):
    assert adaptive.choose(Backlog(1, 0, 0.0, k)) == BEAMS[beam]
  assert adaptive.beam == BEAMS[0]
  assert adaptive.allowed == BEAMS[::-1]
  adaptive.beam = BEAMS[2]
  assert adaptive.allowed == (BEAMS[3], BEAMS[2])


def test_a_beam_that_a_request_named_counts_as_load():
  """Of a width that is not among the choice: it is busy, and it is late."""
  now = [0.0]
  adaptive = AdaptiveBeams(
    BEAMS, levels=3, target=0.1, sizes=SIZES, start=2, clock=lambda: now[0]
  )
  for _ in range(20):
    now[0] += 0.1
    adaptive.ended(700, 0.1, [0.2])
    adaptive.choose(Backlog(1, 0, 0.0, 10))
  assert adaptive.beam == BEAMS[0]


def test_beams_are_scaled_level_by_level():
  assert BEAMS[0] == (32, 64, 128)
  assert BEAMS[3] == (205, 410, 819)
  assert scaled_beams(50, (0.5, 1.0, 1.6), 3) == (25, 50, 80)


@pytest.mark.parametrize("multiples", [(0.5,), (1.0, 0.5), (1.0, 1.0), (0, 1)])
def test_multiples_rise_and_one_is_the_beam_itself(multiples):
  with pytest.raises(ValueError, match="rise, and hold 1; got"):
    scaled_beams(50, multiples, 3)


def test_multiples_that_round_to_one_beam_are_refused():
  with pytest.raises(ValueError, match="give fewer, or a wider beam"):
    scaled_beams(2, (0.9, 1.0), 3)
