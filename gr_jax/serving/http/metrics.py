"""The counters of a server, as Prometheus reads them."""

import functools
from collections.abc import Callable

from prometheus_client import (
  CollectorRegistry,
  Counter,
  Gauge,
  Histogram,
  generate_latest,
)

from gr_jax.serving.engine.engine import Answer
from gr_jax.serving.requests import Invalid, SearchRequest

_SECONDS = (
  *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
  *(0.25, 0.5, 1, 2.5, 5, 10),
)


class ServingMetrics:
  """Counters of one server, in a registry of their own."""

  def __init__(self):
    self._registry = CollectorRegistry()
    self.requests = self._new(
      Counter, "requests", "Requests by route and status.", ("route", "status")
    )
    seconds = functools.partial(self._new, Histogram, buckets=_SECONDS)
    self.latency = seconds(
      "request_seconds", "From the request's arrival to its answer.", ("route",)
    )
    self.queue = seconds("queue_seconds", "Waiting for a batch.")
    self.search = seconds("search_seconds", "One search.")
    self.batch = self._new(
      Histogram,
      "batch_requests",
      "Requests answered by one search.",
      buckets=(1, 2, 4, 8, 16, 32, 64),
    )
    self.beams = self._new(
      Counter, "beams", "Answers by the beam of their search.", ("beam",)
    )
    self.cache = self._new(
      Counter, "cache", "Answers kept: hit, miss, expired, evicted.", ("event",)
    )
    self.late = self._new(
      Counter, "late_answers", "Answers later than the target."
    )
    self.changes = self._new(
      Counter, "item_changes", "Items added, removed or changed.", ("kind",)
    )
    self.reloads = self._new(
      Counter, "reloads", "Reloads of artefacts.", ("outcome",)
    )

  def _new(self, kind, name, text, labels=(), **options):
    return kind(
      f"gr_jax_{name}", text, labels, registry=self._registry, **options
    )

  def counted(
    self, answer: Callable[[list[SearchRequest]], list[Answer | Invalid]]
  ) -> Callable[[list[SearchRequest]], list[Answer | Invalid]]:
    """Wraps `answer` so that every search is observed once."""

    def counting(requests: list[SearchRequest]) -> list[Answer | Invalid]:
      answers = answer(requests)
      done = next((a for a in answers if isinstance(a, Answer)), None)
      if done is not None:
        self.search.observe(done.milliseconds["search"] / 1e3)
        self.batch.observe(done.batch)
      return answers

    return counting

  def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
    """Adds a gauge that is read at every scrape."""
    self._new(Gauge, name, text).set_function(read)

  def text(self) -> bytes:
    """All of them in Prometheus' text format."""
    return generate_latest(self._registry)
