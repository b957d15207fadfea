"""The training loop: batches in, state out; resumable at any step."""

import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import optax
from jax.sharding import Mesh
from tqdm import tqdm

from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import put_batch
from gr_jax.training import finite
from gr_jax.training.checkpoints import Checkpoints
from gr_jax.training.metric_writer import MetricWriter
from gr_jax.training.state import TrainState

Metrics = dict[str, jax.Array]
LossFn = Callable[..., tuple[jax.Array, Metrics]]
"""`(params, batch, *fixed, key) -> (loss, metrics)`; a step has its own key.

Every metric must be finite: training stops at one that is not.
"""

StepFn = Callable[[TrainState, Any], tuple[TrainState, Metrics]]
"""An update; its metrics hold `finite.FIRST_BAD`."""

_ADVICE = (
  "Lower the learning rate or the clip_norm of the optimizer, or look at the "
  "data: the same settings stop there again"
)


@dataclasses.dataclass(frozen=True)
class LoopConfig:
  """Length and rhythm.

  Attributes:
    steps: updates in all.
    log_every: steps between two rows of metrics.
    checkpoint_every: steps between two checkpoints.
  """

  steps: int = 1000
  log_every: int = 20
  checkpoint_every: int = 500


def make_step(
  loss_fn: LossFn,
  optimizer: optax.GradientTransformation,
  *,
  like: TrainState,
  seed: int = 0,
):
  """`(state, batch, *fixed) -> (state, metrics)`, as `jax.jit` gives it.

  The state that goes in is given up. What every step reads is `fixed`:
  arguments, not constants of the compiled program.

  Args:
    loss_fn: see `LossFn`.
    optimizer: makes updates of gradients.
    like: a state, or its shapes; every step leaves its arrays where this one
      has them. Left to the compiler they would move, and a resumed run would
      add up in another order than an undisturbed one.
    seed: the seed of the keys that `loss_fn` gets.
  """

  def step(state: TrainState, batch, *fixed) -> tuple[TrainState, Metrics]:
    # Of the number of the step: a resumed run draws what it drew before.
    key = jax.random.fold_in(jax.random.key(seed), state.step)
    (_, metrics), grads = jax.value_and_grad(loss_fn, has_aux=True)(
      state.params, batch, *fixed, key=key
    )
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = metrics | {"train/grad_norm": optax.tree.norm(grads)}
    parts = finite.step_parts(metrics, finite.leaf_norms(grads), params)
    metrics[finite.FIRST_BAD] = finite.first_bad(parts)
    return TrainState(state.step + 1, params, opt_state), metrics

  shardings = jax.tree.map(lambda x: x.sharding, like)
  return jax.jit(step, donate_argnums=0, out_shardings=(shardings, None))


class _Rate:
  """Seconds per step between rows of metrics, compilation left out."""

  def __init__(self):
    self._steps = 0
    self._since: float | None = None

  def add(self) -> None:
    if self._since is None:
      self._since = time.perf_counter()
    else:
      self._steps += 1

  def take(self) -> float | None:
    if self._since is None or not self._steps:
      return None
    now = time.perf_counter()
    seconds = (now - self._since) / self._steps
    self._steps, self._since = 0, now
    return seconds


def fit(
  state: TrainState,
  step_fn: StepFn,
  batches: Iterator[Any],
  *,
  config: LoopConfig,
  directory: pathlib.Path,
  mesh: Mesh,
  speed: Callable[[float], dict[str, float]] = lambda seconds: {},
) -> TrainState:
  """Trains to `config.steps`, from the last checkpoint where there is one.

  Metrics of step `t` are fetched after step `t + 1` is under way, so the
  device never waits for the host. Nothing is written of a step with a number
  that is not finite: the last good checkpoint stays.

  Args:
    state: initial state; also the structure and shardings of checkpoints.
    step_fn: one update, of `make_step`.
    batches: a grain iterator.
    config: length and rhythm.
    directory: receives checkpoints and metrics.
    mesh: the devices that share a batch.
    speed: a function from seconds per step to more metrics.

  Raises:
    finite.NotFinite: a metric, gradient or parameter of a step; the message
      names the step and the first of them.
  """
  checkpoints = Checkpoints(directory / "checkpoints")
  first = checkpoints.latest or 0
  if first:
    state = checkpoints.restore(first, state, batches)
  # Metrics are the same on every host; the first one writes them.
  writes = hosts.is_first()
  writer = MetricWriter(directory, first_step=first) if writes else None
  rate, pending = _Rate(), None
  watch = finite.Watch("training", kept=first, advice=_ADVICE)
  bar = tqdm(
    total=config.steps, initial=first, desc="train", unit="step",
    file=sys.stderr, mininterval=1.0, disable=not writes,
  )  # fmt: skip

  def write(step: int, metrics: Metrics) -> None:
    values = jax.device_get(metrics)
    if writer is None:
      return
    seconds = rate.take()
    if seconds:
      values |= speed(seconds)
    writer.write(step, values)
    bar.set_postfix_str(f"loss {float(values['train/loss']):.3f}")

  try:
    for step in range(first, config.steps):
      state, metrics = step_fn(state, put_batch(next(batches), mesh))
      rate.add()
      done = step + 1
      found = metrics.pop(finite.FIRST_BAD)
      watch.see(done, found, finite.named_parts(metrics, state.params))
      if pending is not None:
        write(*pending)
        pending = None
      if done % config.log_every == 0 or done == config.steps:
        pending = (step, metrics)
      bar.update()
      if done % config.checkpoint_every == 0 or done == config.steps:
        watch.check()
        # A run that goes on from here does not write earlier rows again.
        if pending is not None:
          write(*pending)
          pending = None
        checkpoints.save(done, state, batches)
        watch.kept = done
  finally:
    bar.close()
    if writer is not None:
      writer.close()
    checkpoints.close()
  return state
