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

from gr_jax.decoding.beams import SearchResult
from gr_jax.parallel.mesh import replicated
from tools.device import programs
from tools.device.figure import OURS, Clock, Figure
from tools.device.forms import Form
from tools.device.timing import seconds_of_calls

_PROMPTS = 8  # Batches of prompts that take turns.


def check(form: Form, clock: Clock) -> Iterator[Figure]:
  """Every pair of beam and batch, the bar's first, and a prefill alone."""
  mesh = programs.first_device()
  sizes = form.deployment
  model = programs.decoder(sizes)
  shapes = programs.search_params(model, sizes, mesh, jnp.bfloat16)
  params = programs.random_params(shapes)
  trie = programs.catalogue(sizes)
  on_device = jax.device_put(trie, replicated(mesh))

  def lowered(beam: int, batch: int):
    prompt = programs.prompts(sizes, batch)
    return programs.search(model, shapes, prompt, trie, mesh, beam)

  # The first alone: their figures are not to wait for the others.
  for number, group in enumerate((form.searches[:2], form.searches[2:])):
    found = compile_all([lowered(*pair) for pair in group])
    for (beam, batch), (compiled, seconds) in zip(group, found):
      what = f"beam {beam}, batch {batch}"
      yield Figure(what, "compile_s", seconds)
      if clock.left() < 5:
        return

      def answer(prompt, compiled=compiled):
        return compiled(params, prompt, on_device)

      seconds = _latencies(
        answer,
        form,
        batch=batch,
        beam=beam,
        ids=trie.capacity,
        clock=clock,
      )
      yield from latency_figures(what, seconds, batch)
      yield from programs.figures_of(
        f"search, {what}",
        seconds=float(np.median(seconds)),
        compiled=compiled,
        passes=programs.search_passes(params, sizes, batch=batch, beam=beam),
      )
    if number == 0:
      yield from _prefill(form, model, params, shapes, mesh, clock)


def _prefill(form, model, params, shapes, mesh, clock) -> Iterator[Figure]:
  """A prefill alone, of the first batch."""
  sizes, batch = form.deployment, form.searches[0][1]
  prompt = programs.prompts(sizes, batch)
  lowered = programs.prefill(model, shapes, prompt, mesh)
  ((compiled, _),) = compile_all([lowered])
  seconds = seconds_of_calls(
    lambda _: compiled(params, prompt)[0], calls=form.calls, clock=clock
  )
  yield from programs.figures_of(
    f"prefill, batch {batch}",
    seconds=float(np.median(seconds)),
    compiled=compiled,
    passes=programs.search_passes(params, sizes, batch=batch, beam=1)[:1],
  )


def compile_all(lowered: Sequence[Any]) -> list[tuple[Any, float]]:
  """The compiled programs, compiled side by side, and the seconds of each."""

  def compiled(one) -> tuple[Any, float]:
    start = time.perf_counter()
    return one.compile(), time.perf_counter() - start

  with concurrent.futures.ThreadPoolExecutor(len(lowered) or 1) as pool:
    return list(pool.map(compiled, lowered))


def _latencies(
  answer: Callable[[Any], SearchResult],
  form: Form,
  *,
  batch: int,
  beam: int,
  ids: int,
  clock: Clock,
) -> np.ndarray:
  """Seconds of whole answers, on the host: nobody can use them before."""
  sizes = form.deployment
  given = [programs.prompts(sizes, batch, seed=3 * n) for n in range(_PROMPTS)]
  check_answers(jax.device_get(answer(given[0])), ids, beam)
  return seconds_of_calls(
    lambda n: jax.device_get(answer(given[n % _PROMPTS]).ids),
    calls=form.calls,
    clock=clock,
    share=0.1,
  )


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
