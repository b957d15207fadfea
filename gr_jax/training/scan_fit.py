"""Runs a training step many times a dispatch.

`fit` samples from data that lies on the device; `fit_batches` reads batches
that the host writes.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Progress = Callable[[int, dict[str, float]], None]
"""Called with (steps done, mean metrics of the last chunk)."""

CHUNK = 100  # Steps a dispatch: its 0.1 ms vanish, progress stays lively.


def sample_rows(key: jax.Array, *, num_rows: int, size: int) -> jax.Array:
  """`min(size, num_rows)` distinct row numbers."""
  return jax.random.permutation(key, num_rows)[:size]


def check_vectors(vectors: np.ndarray | jax.Array, *, name: str) -> None:
  """Raises ValueError unless `[N, D]` of finite floats with N > 0."""
  if vectors.ndim != 2 or vectors.shape[0] == 0:
    raise ValueError(f"{name} must be [N, D] with N > 0; got {vectors.shape}.")
  finite_mask = np.isfinite(np.asarray(vectors)).all(axis=1)
  if not finite_mask.all():
    rows = np.flatnonzero(~finite_mask)
    raise ValueError(
      f"{name} has {len(rows)} rows with NaN or infinity, first row {rows[0]}; "
      "remove them or set them to zero."
    )


@functools.partial(jax.jit, static_argnames=("step", "size"), donate_argnums=0)
def _run_chunk(state, data, key, first, *, step, size):
  def body(state, index):
    return step(state, data, jax.random.fold_in(key, index))

  state, metrics = jax.lax.scan(body, state, first + jnp.arange(size))
  return state, jax.tree.map(jnp.mean, metrics)


def fit(
  state: Any,
  data: Any,
  key: jax.Array,
  *,
  step: Callable[[Any, Any, jax.Array], tuple[Any, dict[str, jax.Array]]],
  steps: int,
  begin: int = 0,
  progress: Progress | None = None,
) -> tuple[Any, list[dict[str, float]]]:
  """`steps` calls of `step(state, data, key)`; the given state is donated.

  `begin` steps were done before: the same key goes on where they stopped.
  Metrics of a chunk are fetched after the next one is dispatched, so the
  device never waits for the host.

  Returns:
    The last state and a history of `{"step": ..., metric: mean of chunk}`.
  """
  history, pending = [], None
  for first in range(begin, begin + steps, CHUNK):
    size = min(CHUNK, begin + steps - first)
    state, metrics = _run_chunk(
      state, data, key, jnp.asarray(first), step=step, size=size
    )
    _record(pending, history, progress)
    pending = first + size, metrics
  _record(pending, history, progress)
  return state, history


@functools.partial(jax.jit, static_argnames="step", donate_argnums=0)
def _run_batches(state, data, batches, *, step):
  state, metrics = jax.lax.scan(
    lambda state, batch: step(state, data, batch), state, batches
  )
  return state, jax.tree.map(jnp.mean, metrics)


def fit_batches(
  state: Any,
  data: Any,
  batches: Iterator[Any],
  *,
  step: Callable[[Any, Any, Any], tuple[Any, dict[str, jax.Array]]],
  steps: int,
  chunk: int,
  progress: Progress | None = None,
) -> tuple[Any, list[dict[str, float]]]:
  """`steps` calls of `step(state, data, batch)`; the given state is donated.

  The next chunk's batches, all of one shape, are written while the device works
  on the last; a chunk of them lies on the device.

  Returns:
    As `fit`.
  """
  history, pending = [], None
  for first in range(0, steps, chunk):
    done = min(first + chunk, steps)
    written = [next(batches) for _ in range(first, done)]
    stacked = jax.tree.map(lambda *x: np.stack(x), *written)
    state, metrics = _run_batches(state, data, stacked, step=step)
    _record(pending, history, progress)
    pending = done, metrics
  _record(pending, history, progress)
  return state, history


def _record(pending, history, progress):
  if pending is None:
    return
  step, metrics = pending
  row = {name: float(value) for name, value in metrics.items()}
  history.append({"step": step, **row})
  if progress is not None:
    progress(step, row)
