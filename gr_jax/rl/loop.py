"""The alignment loop: prompts, samples, rewards, updates; resumable.

It knows nothing of the samples, which may be IDs, text or pictures. One step is
a chain: the rollout needs the old policy, the reward the rollout, the update
the reward. Where the old policy is the present one, as in EG-GRPO, nothing of
it overlaps but the reading of prompts, which grain does ahead. Where the old
policy outlives the update, the next rollout is under way on the device before
the host computes this step's reward. Neither order changes a figure: a step's
draws depend on its number and the old policy alone.
"""

import dataclasses
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from gr_jax.parallel import hosts, liveness
from gr_jax.parallel.mesh import put_batch
from gr_jax.parallel.rows import join_rows, own_places, own_rows_of_batch
from gr_jax.rl.guard import Guarded, RewardGuard
from gr_jax.rl.monitoring import AlignmentLog
from gr_jax.rl.rewards.checked import BadReward, checked_group
from gr_jax.rl.update import AlignmentState, Update
from gr_jax.training import finite
from gr_jax.training.checkpoints import Checkpoints
from gr_jax.training.peak_memory import peak_memory


@dataclasses.dataclass(frozen=True)
class AlignmentLoopConfig:
  """Length and rhythm.

  Attributes:
    steps: the number of updates.
    log_every: steps between two rows of metrics; only those are timed.
    eval_every: steps between two validations.
    checkpoint_every: steps between two checkpoints.
  """

  steps: int = 200
  log_every: int = 10
  eval_every: int = 50
  checkpoint_every: int = 100

  def due(self, every: int, done: int) -> bool:
    """True if `done` is a multiple of `every`, or the last update."""
    return done % every == 0 or done == self.steps


@dataclasses.dataclass(frozen=True)
class AlignmentSteps:
  """The parts of a step.

  `batch` is one of the prompt batches, `context` whatever arrays the parts
  read and none changes, `samples` a tree of device arrays whose leading axis is
  that of the prompts.

  Attributes:
    rollout: `(old_params, context, batch, key) -> samples`, jitted.
    reward: `(batch, samples) -> [n, G]` on the host, of the rows of `batch`
      that it is given, its own ones; see `rows.own_rows` for the samples.
    update: `(state, context, samples, rewards) -> (state, metrics)`, jitted.
    validate: `(params) -> metrics` on the host.
    keeps_old: `(step) -> bool`, True if that update leaves the old policy.
  """

  rollout: Callable[[Any, Any, Any, jax.Array], Any]
  reward: Callable[[Any, Any], np.ndarray]
  update: Update
  validate: Callable[[Any], dict[str, float]]
  keeps_old: Callable[[int], bool]


_ADVICE = (
  "Lower the learning rate or the clip_norm of the optimizer, or raise "
  "kl_coef: the same settings stop there again"
)


class _Clock:
  """Seconds of the parts of a step; waits for the device only if it runs.

  It starts when the update before is done, whose time is not the rollout's.
  """

  def __init__(self, runs: bool, before: AlignmentState):
    self.seconds: dict[str, float] = {}
    if runs:
      jax.block_until_ready(before)
    self._runs, self._since = runs, time.perf_counter()

  def lap(self, name: str, result) -> None:
    if self._runs:
      jax.block_until_ready(result)
      now = time.perf_counter()
      self.seconds[f"align/{name}_seconds"] = now - self._since
      self._since = now


class _Rollouts:
  """Samples in order, one ahead of the update where that is allowed."""

  def __init__(self, steps, context, batches, config, key, mesh, alive, saved):
    self._alive, self._saved = alive, saved
    self._steps, self._context = steps, context
    self._batches, self._config = batches, config
    self._key, self._mesh = key, mesh
    self._ahead = None

  @property
  def are_ahead(self) -> bool:
    """Whether the input is a step further than the updates."""
    return self._ahead is not None

  def take(self, state: AlignmentState, step: int) -> tuple[Any, Any]:
    """This host's prompts and all samples of `step`; not waited for."""
    if self._ahead is not None:
      found, self._ahead = self._ahead, None
      return found
    batch = next(self._batches)
    self._alive.waits()
    samples = self._steps.rollout(
      state.old_params,
      self._context,
      put_batch(batch, self._mesh),
      jax.random.fold_in(self._key, step),
    )
    return own_rows_of_batch(batch, self._mesh), samples

  def look_ahead(self, state: AlignmentState, step: int) -> None:
    """Dispatches the samples of `step + 1` if update `step + 1` allows it.

    Not over a checkpoint, which keeps the place in the input, and not next to a
    step that is timed.
    """
    config, done = self._config, step + 1
    must_wait = (
      any(config.due(every, done) for every in self._saved)
      or config.due(config.log_every, done)
      or config.due(config.log_every, done + 1)
    )
    if self._steps.keeps_old(done) and not must_wait:
      self._ahead = self.take(state, done)


def fit(
  state: AlignmentState,
  context: Any,
  batches: Iterator[Any],
  steps: AlignmentSteps,
  *,
  config: AlignmentLoopConfig,
  key: jax.Array,
  directory: pathlib.Path,
  mesh: Mesh,
  guard: RewardGuard | None = None,
) -> AlignmentState:
  """Aligns to `config.steps`, from the last checkpoint where there is one.

  A guard may end it earlier. The state is then that of the best gold reward,
  which is kept as a checkpoint for that, the reason is left in `directory`
  (`guard.read_stop`) and said in one line. A guard that does not stop a run
  changes none of its figures.

  Args:
    state: the initial state; also the structure and shardings of checkpoints.
    context: arrays that every step reads.
    batches: a grain iterator of prompts, the same on every host.
    steps: the parts of a step.
    config: length and rhythm.
    key: the key of all draws; those of a step depend on its number alone, so
      that a run which was cut off draws them again.
    directory: receives checkpoints and metrics.
    mesh: the devices that share a batch.
    guard: compares two metrics of validation, which must be the same on every
      host; None lets every run do all its steps.

  Raises:
    finite.NotFinite: a reward, metric, gradient or parameter; the message
      names it and the step. Nothing of that step is written, so the last good
      checkpoint stays.
    ValueError: rewards that are not `[B, G]` real numbers, or a guard of
      metrics that validation does not give.
    Preempted: SIGTERM came; the step is saved, on all hosts the same.
  """
  checkpoints = Checkpoints(directory / "checkpoints")
  first = checkpoints.latest or 0
  if first:
    state = checkpoints.restore(first, state, batches)
  guarded = Guarded(guard, directory, done=first)
  log = AlignmentLog(directory, done=first, steps=config.steps)
  alive = liveness.Loop("alignment", first)
  saved = (config.checkpoint_every, *((config.eval_every,) if guard else ()))
  rollouts = _Rollouts(steps, context, batches, config, key, mesh, alive, saved)
  watch = finite.Watch("alignment", kept=first, advice=_ADVICE)
  try:
    if not first:
      row = steps.validate(state.params)
      better = guarded.see(0, row)
      log.write(0, row)
      if better:
        checkpoints.save(0, state, batches, loss=guarded.loss)
    for step in range(first, config.steps):
      if guarded.stop:
        break
      done = step + 1
      timed = config.due(config.log_every, done)
      clock = _Clock(timed, state)
      alive.begins()
      batch, samples = rollouts.take(state, step)
      clock.lap("rollout", samples)
      if not alive.leaves:
        rollouts.look_ahead(state, step)
      rewards = _rewards(
        steps, batch, samples, mesh=mesh, step=done, kept=watch.kept
      )
      clock.lap("reward", rewards)
      rewards = join_rows(rewards, len(samples.group.ids), mesh)
      alive.waits()
      state, metrics = steps.update(state, context, samples, rewards)
      clock.lap("update", metrics)
      found = metrics.pop(finite.FIRST_BAD)
      watch.see(done, found, finite.named_parts(metrics, state.params))
      # Samples ahead are used first: what is saved is the place in the input.
      saves = alive.reached(done) and not rollouts.are_ahead
      if saves or any(config.due(e, done) for e in _written(config)):
        watch.check()
      row, better = {}, False
      if timed:
        row = jax.device_get(metrics) | clock.seconds
        row["align/peak_memory_bytes"] = peak_memory()
      if config.due(config.eval_every, done):
        figures = steps.validate(state.params)
        better = guarded.see(done, figures)
        row |= figures
      if stop := guarded.stop:
        row["align/kept_update"] = stop.kept
      log.write(done, row)
      log.update()
      if saves or better or config.due(config.checkpoint_every, done):
        loss = guarded.loss if better else None
        checkpoints.save(done, state, batches, loss=loss)
        watch.kept = done
      if saves:
        raise alive.stopped(done)
    if stop := guarded.stop:
      state = checkpoints.restore(stop.kept, state)
  finally:
    alive.close()
    log.close()
    checkpoints.close()
  if stop and hosts.is_first():
    stop.save(directory)
    print(stop.sentence(), file=sys.stderr, flush=True)
  return state


def _written(config: AlignmentLoopConfig) -> tuple[int, int, int]:
  """The periods of all that is written of a step."""
  return config.log_every, config.eval_every, config.checkpoint_every


def _rewards(
  steps: AlignmentSteps, batch, samples, *, mesh: Mesh, step: int, kept: int
) -> np.ndarray:
  """This host's rows of `[B, G]` float32."""
  size, *group = samples.group.ids.shape
  own = len(own_places(size, mesh))
  try:
    return checked_group(steps.reward(batch, samples), (own, *group))
  except BadReward as error:
    error.step, error.kept = step, kept
    raise
