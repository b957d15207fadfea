"""Search at the deployment's shape: latency, and requests a second.

One dispatch answers a batch: prompts go in, rows of IDs come back to the host.
Weights are kept in bfloat16, the products' own type. Calls follow each other,
each with prompts of its own, so that a latency is that of a whole answer; the
requests a second are those of calls one after the other.
"""

import concurrent.futures
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.nn.transformer import unstacked
from gr_jax.parallel.mesh import replicated
from gr_jax.retrieval.compiled_search import compile_search
from tools.device import programs
from tools.device.figure import OURS, Clock, Figure
from tools.device.forms import Form
from tools.device.timing import seconds_of_calls

_PROMPTS = 8  # Batches of prompts that take turns.


def check(form: Form, clock: Clock) -> Iterator[Figure]:
  """The beam that has a bar, and a prefill alone."""
  served = _Served(form)
  yield from served.figures(form.searches, clock)
  yield from served.prefill(form.searches[0][1], clock)


def check_wider(form: Form, clock: Clock) -> Iterator[Figure]:
  """Other beams."""
  yield from _Served(form).figures(form.wider_searches, clock)


def check_unstacked(form: Form, clock: Clock) -> Iterator[Figure]:
  """The first searches again, with layers that stand apart.

  They compile in minutes at this size, and copy no weights.
  """
  served = _Served(form, unstacked, ", unstacked")
  yield from served.figures(form.searches[:2], clock)


class _Served:
  """The deployment's decoder, its weights and its catalogue on the device."""

  def __init__(
    self,
    form: Form,
    layout: Callable[[Any], Any] = lambda params: params,
    name: str = "",
  ):
    self._form, self._sizes, self._name = form, form.deployment, name
    self._mesh = programs.first_device()
    self._model = programs.decoder(self._sizes)
    self._shapes = programs.search_params(
      self._model, self._mesh, jnp.bfloat16, layout=layout
    )
    self._params = programs.random_params(self._shapes)
    self._trie = programs.catalogue(self._sizes)
    self._on_device = jax.device_put(self._trie, replicated(self._mesh))

  def figures(
    self, pairs: Sequence[tuple[int, int]], clock: Clock
  ) -> Iterator[Figure]:
    """Latencies of every pair of beam and batch, and its program."""
    found = compile_all([self._lowered(*pair) for pair in pairs])
    for (beam, batch), (compiled, seconds) in zip(pairs, found):
      what = f"beam {beam}, batch {batch}{self._name}"
      yield Figure(what, "compile_s", seconds)
      if clock.left() < 5:
        return
      seconds = self._latencies(compiled, beam, batch, clock)
      yield from latency_figures(what, seconds, batch)
      yield from programs.figures_of(
        f"search, {what}",
        seconds=float(np.median(seconds)),
        compiled=compiled,
        passes=programs.search_passes(self._sizes, batch=batch, beam=beam),
      )

  def _lowered(self, beam: int, batch: int):
    return programs.search(
      self._model,
      self._shapes,
      programs.prompts(self._sizes, batch),
      self._trie,
      self._mesh,
      beam,
    )

  def _latencies(
    self, compiled: Any, beam: int, batch: int, clock: Clock
  ) -> np.ndarray:
    """Seconds of whole answers, on the host: nobody can use them before."""
    given = [
      programs.prompts(self._sizes, batch, seed=3 * n) for n in range(_PROMPTS)
    ]

    def answer(n: int) -> Any:
      prompt = given[n % _PROMPTS]
      return compiled(self._params, prompt, self._on_device)

    check_answers(jax.device_get(answer(0)), self._trie.capacity, beam)
    return seconds_of_calls(
      lambda n: jax.device_get(answer(n).ids),
      calls=self._form.calls,
      clock=clock,
      share=0.1,
    )

  def prefill(self, batch: int, clock: Clock) -> Iterator[Figure]:
    """The prefill of a batch, and its program."""
    prompt = programs.prompts(self._sizes, batch)
    lowered = programs.prefill(self._model, self._shapes, prompt, self._mesh)
    ((compiled, _),) = compile_all([lowered])
    seconds = seconds_of_calls(
      lambda _: compiled(self._params, prompt)[0],
      calls=self._form.calls,
      clock=clock,
      share=0.05,
    )
    yield from programs.figures_of(
      f"prefill, batch {batch}",
      seconds=float(np.median(seconds)),
      compiled=compiled,
      passes=programs.search_passes(self._sizes, batch=batch, beam=1)[:1],
    )


def compile_all(lowered: Sequence[Any]) -> list[tuple[Any, float]]:
  """The compiled programs, compiled side by side, and the seconds of each."""

  def compiled(one) -> tuple[Any, float]:
    start = time.perf_counter()
    return compile_search(one), time.perf_counter() - start

  with concurrent.futures.ThreadPoolExecutor(len(lowered) or 1) as pool:
    return list(pool.map(compiled, lowered))


def latency_figures(
  what: str, seconds: np.ndarray, batch: int, side: str = OURS
) -> Iterator[Figure]:
  """Quantiles in milliseconds, and requests a second of all calls together."""
  for name, share in (("p50_ms", 50), ("p99_ms", 99)):
    value = 1e3 * float(np.percentile(seconds, share))
    yield Figure(what, name, value, side)
  requests = batch * len(seconds) / float(seconds.sum())
  yield Figure(what, "requests_per_s", requests, side)
  yield Figure(what, "calls", len(seconds), side)


def check_answers(found: Any, ids: int, beam: int) -> None:
  """Checks that a search found `beam` different IDs, the best first.

  Raises:
    ValueError: it did not.
  """
  if (found.ids < 0).any() or (found.ids >= ids).any():
    raise ValueError(f"a row is none of the {ids:,} IDs.")
  distinct = min(len(set(row)) for row in found.ids.tolist())
  if found.ids.shape[1] != beam or distinct < beam:
    raise ValueError(f"a request got {distinct} different IDs of {beam}.")
  scores = found.log_probs
  if not np.isfinite(scores).all() or (np.diff(scores, axis=1) > 0).any():
    raise ValueError("the scores of a request do not fall, or are not finite.")
