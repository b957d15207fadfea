"""The alignment loop: requests, groups, rewards, updates; resumable.

One step is a chain: the rollout needs the old policy, the reward the rollout,
the update the reward. Where the old policy is the present one, as in EG-GRPO,
nothing of it overlaps but the reading of requests, which grain does ahead.
Where the old policy outlives the update, the next rollout is under way on the
device before the host computes this step's reward. Neither order changes a
figure: a step's draws depend on its number and the old policy alone.
"""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, PartitionSpec

from gr_jax.parallel.mesh import DATA, put_batch
from gr_jax.rl.log import AlignmentLog
from gr_jax.rl.prompts import PromptBatch
from gr_jax.rl.rewards.page import IdReward
from gr_jax.rl.rollout import Rollout
from gr_jax.rl.state import AlignmentBatch, AlignmentState, Unchanged
from gr_jax.rl.update import Update
from gr_jax.rl.validation_hits import ValidationHits
from gr_jax.training.checkpoints import Checkpoints
from gr_jax.training.peak_memory import peak_memory


@dataclasses.dataclass(frozen=True)
class AlignmentLoopConfig:
  """Length and rhythm.

  Attributes:
    steps: updates in all.
    log_every: steps between two rows of metrics; only those are timed.
    eval_every: steps between two looks at the held-out requests.
    checkpoint_every: steps between two checkpoints.
  """

  steps: int = 200
  log_every: int = 10
  eval_every: int = 50
  checkpoint_every: int = 100

  def due(self, every: int, done: int) -> bool:
    """Whether something that recurs falls on `done` updates, or it ends."""
    return done % every == 0 or done == self.steps


@dataclasses.dataclass(frozen=True)
class Procedure:
  """What a step consists of.

  Attributes:
    rollout: from `alignment_rollout.make_rollout`.
    reward: of IDs, on the host.
    update: from `alignment.make_update`.
    validation: from all variables to hit rates.
    keeps_old: whether update number `step` leaves the old policy.
  """

  rollout: Rollout
  reward: IdReward
  update: Update
  validation: ValidationHits
  keeps_old: Callable[[int], bool]


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


def own_rows(array: jax.Array, mesh: Mesh) -> np.ndarray:
  """This host's rows of an array that is split over the data devices."""
  spec = PartitionSpec(DATA)
  local = multihost_utils.global_array_to_host_local_array(array, mesh, spec)
  return np.asarray(local)


class _Steps:
  """Groups in order, one ahead of the update where that is allowed."""

  def __init__(self, procedure, unchanged, batches, config, key, mesh):
    self._procedure, self._unchanged = procedure, unchanged
    self._batches, self._config = batches, config
    self._key, self._mesh = key, mesh
    self._ahead = None

  def groups(
    self, state: AlignmentState, step: int
  ) -> tuple[PromptBatch, AlignmentBatch]:
    """Requests and groups of `step`; dispatched, not waited for."""
    if self._ahead is not None:
      found, self._ahead = self._ahead, None
      return found
    asked = next(self._batches)
    drawn = self._procedure.rollout(
      state.old_params,
      self._unchanged,
      put_batch(asked, self._mesh),
      jax.random.fold_in(self._key, step),
    )
    return asked, drawn

  def look_ahead(self, state: AlignmentState, step: int) -> None:
    """Dispatches the groups of `step + 1` if update `step + 1` allows it.

    Not over a checkpoint, which keeps the place in the input, and not next to a
    step that is timed.
    """
    config, done = self._config, step + 1
    held = (
      config.due(config.checkpoint_every, done)
      or config.due(config.log_every, done)
      or config.due(config.log_every, done + 1)
    )
    if self._procedure.keeps_old(done) and not held:
      self._ahead = self.groups(state, done)


def fit(
  state: AlignmentState,
  unchanged: Unchanged,
  batches: Iterator[PromptBatch],
  procedure: Procedure,
  *,
  config: AlignmentLoopConfig,
  key: jax.Array,
  directory: pathlib.Path,
  mesh: Mesh,
) -> AlignmentState:
  """Aligns to `config.steps`, from the last checkpoint where there is one.

  Args:
    state: initial state; also the structure and shardings of checkpoints.
    unchanged: what every step reads.
    batches: a grain iterator of `alignment_requests.prompt_batches`.
    procedure: what a step consists of.
    config: length and rhythm.
    key: of all draws; those of a step depend on its number alone, so that a run
      which was cut off draws them again.
    directory: of checkpoints and metrics.
    mesh: where batches go.
  """
  checkpoints = Checkpoints(directory / "checkpoints")
  first = checkpoints.latest or 0
  if first:
    state = checkpoints.restore(first, state, batches)
  log = AlignmentLog(directory, done=first, steps=config.steps)
  steps = _Steps(procedure, unchanged, batches, config, key, mesh)
  try:
    if not first:
      log.write(0, procedure.validation(state.params | unchanged.counts))
    for step in range(first, config.steps):
      done = step + 1
      timed = config.due(config.log_every, done)
      clock = _Clock(timed, state)
      asked, drawn = steps.groups(state, step)
      clock.lap("rollout", drawn)
      ids = own_rows(drawn.group.ids, mesh)
      steps.look_ahead(state, step)
      rewards = np.asarray(procedure.reward(asked.rows, ids), np.float32)
      clock.lap("reward", rewards)
      drawn = drawn.replace(rewards=put_batch(rewards, mesh))
      state, metrics = procedure.update(state, unchanged, drawn)
      clock.lap("update", metrics)
      row = {}
      if timed:
        row = jax.device_get(metrics) | clock.seconds
        row["align/peak_memory_bytes"] = peak_memory()
      if config.due(config.eval_every, done):
        row |= procedure.validation(state.params | unchanged.counts)
      log.write(done, row)
      log.update()
      if config.due(config.checkpoint_every, done):
        checkpoints.save(done, state, batches)
  finally:
    log.close()
    checkpoints.close()
  return state
