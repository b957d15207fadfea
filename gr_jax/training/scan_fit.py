"""Runs a training step many times a dispatch.

`fit` samples from data that lies on the device; `fit_batches` reads batches
that the host writes. Inside `jax.set_mesh` the data are whole on every device,
and so is the state, but for what lies on that mesh elsewhere (`initial_state`);
a step that calls `constraints.split_rows` on its batch shares it between the
devices.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax.sharding import NamedSharding

from gr_jax.parallel.constraints import Places, keep_places
from gr_jax.parallel.mesh import replicated, table_shardings
from gr_jax.training import finite

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


def _watched(state, metrics):
  """A step's result, and the number of the first metric that is not finite."""
  return state, (metrics, finite.first_bad(_metric_part(metrics)))


def _metric_part(metrics) -> list[finite.Part]:
  return [("the metric ", metrics)]


def _state_part(state) -> list[finite.Part]:
  return [("the array ", state)]


def _chunk_result(state, metrics, bad, places: Places):
  """Once a chunk, the state is looked at as well: each step would cost 5 %."""
  means = jax.tree.map(jnp.mean, metrics)
  # Left to the compiler it would move, and the next chunk compile anew.
  state = keep_places(state, places)
  return state, (means, bad, finite.first_bad(_state_part(state)))


@functools.partial(
  jax.jit, static_argnames=("step", "size", "places"), donate_argnums=0
)
def _run_chunk(state, data, key, first, *, step, size, places=None):
  def body(state, index):
    return _watched(*step(state, data, jax.random.fold_in(key, index)))

  state, found = jax.lax.scan(body, state, first + jnp.arange(size))
  return _chunk_result(state, *found, places)


def fit(
  state: Any,
  data: Any,
  key: jax.Array,
  *,
  step: Callable[[Any, Any, jax.Array], tuple[Any, dict[str, jax.Array]]],
  steps: int,
  begin: int = 0,
  progress: Progress | None = None,
  name: str = "training",
) -> tuple[Any, list[dict[str, float]]]:
  """`steps` calls of `step(state, data, key)`; the given state is donated.

  `begin` steps were done before: the same key goes on where they stopped.
  Metrics of a chunk are fetched after the next one is dispatched, so the
  device never waits for the host. `name` says in an error what was trained.

  Returns:
    The last state and a history of `{"step": ..., metric: mean of chunk}`.

  Raises:
    finite.NotFinite: a metric of a step, or the state after a chunk; the
      message names it and the step.
  """
  state, data, key = _on_mesh((state, data, key))
  places = _places(state)
  history, pending = [], None
  for first in range(begin, begin + steps, CHUNK):
    size = min(CHUNK, begin + steps - first)
    state, (metrics, bad, bad_state) = _run_chunk(
      state, data, key, jnp.asarray(first), step=step, size=size, places=places
    )
    _record(pending, history, progress)
    pending = _Chunk(name, first + size, metrics, bad, bad_state, state)
  _record(pending, history, progress)
  return state, history


def initial_state(
  init: Callable[[jax.Array], Any],
  optimizer: optax.GradientTransformation,
  key: jax.Array,
) -> tuple[Any, Any]:
  """Random parameters and the optimizer's state for them.

  Inside `jax.set_mesh` rows of tables are split (`mesh.table_shardings`).

  Args:
    init: from a key to parameters, boxed with the names of their axes.
    optimizer: makes updates of gradients.
    key: the key of the parameters.
  """

  def boxed(key: jax.Array) -> tuple[Any, Any]:
    params = init(key)
    return params, optimizer.init(params)

  mesh = jax.sharding.get_mesh()
  places = None
  if not mesh.empty:
    places = table_shardings(jax.eval_shape(boxed, key), mesh)
  make = jax.jit(lambda key: nn.unbox(boxed(key)), out_shardings=places)
  return make(key)


def _on_mesh(tree: Any) -> Any:
  """Whole on every device of the mesh that is set, if it lies elsewhere."""
  mesh = jax.sharding.get_mesh()
  if mesh.empty:
    return tree

  def place(x: Any) -> Any:
    there = getattr(x, "sharding", None)
    is_placed = isinstance(there, NamedSharding) and there.mesh == mesh
    return x if is_placed else jax.device_put(x, replicated(mesh))

  return jax.tree.map(place, tree)


def _places(state: Any) -> Places:
  if jax.sharding.get_mesh().empty:
    return None
  return tuple(x.sharding.spec for x in jax.tree.leaves(state))


@functools.partial(
  jax.jit, static_argnames=("step", "places"), donate_argnums=0
)
def _run_batches(state, data, batches, *, step, places=None):
  state, found = jax.lax.scan(
    lambda state, batch: _watched(*step(state, data, batch)), state, batches
  )
  return _chunk_result(state, *found, places)


def fit_batches(
  state: Any,
  data: Any,
  batches: Iterator[Any],
  *,
  step: Callable[[Any, Any, Any], tuple[Any, dict[str, jax.Array]]],
  steps: int,
  chunk: int,
  progress: Progress | None = None,
  name: str = "training",
) -> tuple[Any, list[dict[str, float]]]:
  """`steps` calls of `step(state, data, batch)`; the given state is donated.

  The next chunk's batches, all of one shape, are written while the device works
  on the last; a chunk of them lies on the device.

  Returns:
    As `fit`.

  Raises:
    finite.NotFinite: as `fit`.
  """
  state, data = _on_mesh((state, data))
  places = _places(state)
  history, pending = [], None
  for first in range(0, steps, chunk):
    done = min(first + chunk, steps)
    written = [next(batches) for _ in range(first, done)]
    stacked = jax.tree.map(lambda *x: np.stack(x), *written)
    state, (metrics, bad, bad_state) = _run_batches(
      state, data, stacked, step=step, places=places
    )
    _record(pending, history, progress)
    pending = _Chunk(name, done, metrics, bad, bad_state, state)
  _record(pending, history, progress)
  return state, history


class _Chunk(NamedTuple):
  """Steps that are under way, and what they give.

  Attributes:
    name: what is trained.
    done: the number of the last step.
    metrics: means over the steps.
    bad: `[steps]`, `first_bad` of the metrics of each.
    bad_state: `first_bad` of the state after them.
    state: the next chunk takes it: only names are read.
  """

  name: str
  done: int
  metrics: dict[str, jax.Array]
  bad: jax.Array
  bad_state: jax.Array
  state: Any


def _record(chunk: _Chunk | None, history, progress):
  if chunk is None:
    return
  _check(chunk)
  row = {name: float(value) for name, value in chunk.metrics.items()}
  history.append({"step": chunk.done, **row})
  if progress is not None:
    progress(chunk.done, row)


def _check(chunk: _Chunk) -> None:
  bad, bad_state = np.asarray(chunk.bad), int(np.asarray(chunk.bad_state))
  if (bad >= 0).any():
    at = int(np.argmax(bad >= 0))
    where = f"at step {chunk.done - len(bad) + at + 1}"
    what = finite.leaf_sentence(_metric_part(chunk.metrics), int(bad[at]))
  elif bad_state >= 0:
    first = chunk.done - len(bad) + 1
    span = f"steps {first} to" if first < chunk.done else "step"
    where = f"at {span} {chunk.done}"
    what = finite.leaf_sentence(_state_part(chunk.state), bad_state)
  else:
    return
  raise finite.NotFinite(
    f"{chunk.name} stopped {where}: {what}. Lower its learning rate, or look "
    "at its data."
  )
