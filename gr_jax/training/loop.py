"""The training loop: batches in, state out; resumable at any step."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from gr_jax.parallel import hosts, liveness
from gr_jax.parallel.mesh import put_batch
from gr_jax.training import finite
from gr_jax.training.checkpoints import Checkpoints
from gr_jax.training.micro_batches import split_batch
from gr_jax.training.progress import TrainingLog
from gr_jax.training.state import TrainState
from gr_jax.training.stopping import HELD_OUT, Outcome, Patience

Metrics = dict[str, jax.Array]
LossFn = Callable[..., tuple[jax.Array, Metrics]]
"""`(params, batch, *fixed, key) -> (loss, metrics)`; a step has its own key.

Where a batch is cut into parts it also takes `totals`, see `make_step`. Every
metric must be finite: training stops at one that is not.
"""

StepFn = Callable[[TrainState, Any], tuple[TrainState, Metrics]]
"""An update; its metrics hold `finite.FIRST_BAD`."""

HeldOut = Callable[[TrainState], dict[str, float]]
"""The metrics of a state on what is not learned, one of them `HELD_OUT`.

They are the same on every host, so that all stop at the same step.
"""

_ADVICE = (
  "Lower the learning rate or the clip_norm of the optimizer, or look at the "
  "data: the same settings stop there again"
)


@dataclasses.dataclass(frozen=True)
class LoopConfig:
  """Length and rhythm.

  Attributes:
    steps: updates in all, at most.
    log_every: steps between two rows of metrics.
    checkpoint_every: steps between two checkpoints.
    eval_every: steps between two evaluations of the held-out loss; 0 = none.
    patience: evaluations without a lower held-out loss that end training; 0 =
      all steps are done.
    micro_batches: the parts of a batch whose gradients are added up before an
      update: as many times less memory for activations, the same step.
  """

  steps: int = 1000
  log_every: int = 20
  checkpoint_every: int = 500
  eval_every: int = 0
  patience: int = 0
  micro_batches: int = 1

  def due(self, every: int, done: int) -> bool:
    """True if `done` is a multiple of `every`, or the last update."""
    return bool(every) and (done % every == 0 or done == self.steps)


def make_step(
  loss_fn: LossFn,
  optimizer: optax.GradientTransformation,
  *,
  like: TrainState,
  seed: int = 0,
  micro_batches: int = 1,
  totals: Callable[[Any], Any] | None = None,
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
    micro_batches: the number of parts of a batch, one after the other in a
      scan. Losses and metrics of the parts add up to those of the whole.
    totals: `(batch) -> totals` of the whole batch, which `loss_fn` gets with
      each part: whatever its means are over.
  """
  if micro_batches > 1:
    assert totals is not None
    gradients = _in_parts(loss_fn, totals, micro_batches, like)
  else:
    gradients = jax.grad(loss_fn, has_aux=True)

  def step(state: TrainState, batch, *fixed) -> tuple[TrainState, Metrics]:
    # Of the number of the step: a resumed run draws what it drew before.
    key = jax.random.fold_in(jax.random.key(seed), state.step)
    grads, metrics = gradients(state.params, batch, *fixed, key=key)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = metrics | {"train/grad_norm": optax.tree.norm(grads)}
    parts = finite.step_parts(metrics, finite.leaf_norms(grads), params)
    metrics[finite.FIRST_BAD] = finite.first_bad(parts)
    return TrainState(state.step + 1, params, opt_state), metrics

  shardings = jax.tree.map(lambda x: x.sharding, like)
  return jax.jit(step, donate_argnums=0, out_shardings=(shardings, None))


def _in_parts(loss_fn: LossFn, totals, parts: int, like: TrainState):
  """Gradients and metrics of a batch, summed over its parts."""
  places = jax.tree.map(lambda x: x.sharding, like.params)

  def gradients(params, batch, *fixed, key):
    whole = totals(batch)

    def add(total, part_and_number):
      part, number = part_and_number
      grads, metrics = jax.grad(loss_fn, has_aux=True)(
        params,
        part,
        *fixed,
        key=jax.random.fold_in(key, number),
        totals=whole,
      )
      # A sum lies where its parameter does: never whole on a device.
      grads = jax.lax.with_sharding_constraint(
        jax.tree.map(jnp.add, total, grads), places
      )
      return grads, metrics

    nothing = jax.tree.map(jnp.zeros_like, params)
    pieces = split_batch(batch, parts), jnp.arange(parts)
    grads, metrics = jax.lax.scan(add, nothing, pieces)
    return grads, jax.tree.map(lambda x: x.sum(axis=0), metrics)

  return gradients


def fit(
  state: TrainState,
  step_fn: StepFn,
  batches: Iterator[Any],
  *,
  config: LoopConfig,
  directory: pathlib.Path,
  mesh: Mesh,
  speed: Callable[[float], dict[str, float]] = lambda seconds: {},
  held_out: HeldOut | None = None,
) -> TrainState:
  """Trains from the last checkpoint, where there is one, and stops in time.

  It ends at `config.steps`, or earlier where the held-out loss does not fall
  (`config.patience`), and gives the state of the lowest held-out loss; without
  `held_out` that of the last step. How it ended is left in `directory`
  (`stopping.read_outcome`) and said in one line.

  Metrics of step `t` are fetched after step `t + 1` is under way, so the
  device never waits for the host. Nothing is written of a step with a number
  that is not finite: the last good checkpoint stays. A step whose held-out loss
  is the lowest so far is kept as a checkpoint: a run that goes on has the same
  best step as an undisturbed one.

  Args:
    state: initial state; also the structure and shardings of checkpoints.
    step_fn: one update, of `make_step`.
    batches: a grain iterator of whole batches, the same on every host.
    config: length and rhythm.
    directory: receives checkpoints and metrics.
    mesh: the devices that share a batch.
    speed: a function from seconds per step to more metrics.
    held_out: measured every `config.eval_every` steps.

  Raises:
    finite.NotFinite: a metric, gradient or parameter of a step, or a held-out
      loss; the message names the step and the first of them.
    Preempted: SIGTERM came; the step is saved, on all hosts the same.
  """
  checkpoints = Checkpoints(directory / "checkpoints")
  done = checkpoints.latest or 0
  if done:
    state = checkpoints.restore(done, state, batches)
  log = TrainingLog(directory, first=done, steps=config.steps, speed=speed)
  eval_every = config.eval_every if held_out is not None else 0
  patience = Patience(
    config.patience, every=max(eval_every, 1), best=checkpoints.best
  )
  watch = finite.Watch("training", kept=done, advice=_ADVICE)
  alive = liveness.Loop("training", done)
  pending = None

  def flush() -> None:
    nonlocal pending
    if pending is not None:
      log.write(*pending)
      pending = None

  try:
    while done < config.steps and not patience.is_over(done):
      step, done = done, done + 1
      alive.begins()
      batch = put_batch(next(batches), mesh)
      alive.waits()
      state, metrics = step_fn(state, batch)
      log.rate.add()
      found = metrics.pop(finite.FIRST_BAD)
      watch.see(done, found, finite.named_parts(metrics, state.params))
      flush()
      if config.due(config.log_every, done):
        pending = (step, metrics)
      log.bar.update()
      leaves = alive.reached(done)
      loss, improved = None, False
      if held_out is not None and config.due(eval_every, done):
        watch.check()
        flush()
        values = held_out(state)
        loss = float(values[HELD_OUT])
        improved = patience.see(done, loss)
        log.write_held_out(step, values)
      if (
        improved
        or config.due(config.checkpoint_every, done)
        or patience.is_over(done)
        or leaves
      ):
        watch.check()
        # A run that goes on from here does not write earlier rows again.
        flush()
        checkpoints.save(done, state, batches, loss=loss)
        watch.kept = done
      if leaves:
        raise alive.stopped(done)
    best = patience.best
    if best is not None and best.step != done:
      state = checkpoints.restore(best.step, state)
    last_loss = checkpoints.loss(done)
  finally:
    alive.close()
    log.close()
    checkpoints.close()
  outcome = Outcome(
    best.step if best else done, done, config.steps,
    best.loss if best else None, last_loss, config.patience,
  )  # fmt: skip
  if hosts.is_first():
    outcome.save(directory)
    print(outcome.sentence(), file=sys.stderr, flush=True)
  return state
