"""Checkpoints of a training run: its state and its place in the input."""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from orbax.checkpoint import v1 as ocp

from gr_jax.parallel import hosts
from gr_jax.parallel.host_memory import release_freed_memory
from gr_jax.training import whole_steps
from gr_jax.training.input_place import InputPlace
from gr_jax.training.stopping import Best

# A `TrainState`, or another tree of arrays.
State = TypeVar("State")

_PARAMS = "params"


class Checkpoints:
  """Steps under one directory, for any mesh and any number of hosts.

  A step that was cut off, or whose files are not what was written, is never
  seen: one line says which and why (`whole_steps`). The first host decides. All
  hosts write what lies on their devices, and all open, save and restore
  together.

  Args:
    directory: created where missing.
    keep: the number of latest steps that stay; the best one stays as well.

  Raises:
    ValueError: the hosts see different steps in the directory.
  """

  def __init__(self, directory: pathlib.Path, *, keep: int = 2):
    policies = ocp.training.preservation_policies
    # Orbax's own policies do not match the type that it declares.
    kept: Any = policies.AnyPreservationPolicy(
      [
        policies.LatestN(keep),
        policies.BestN(
          get_metric_fn=_goodness,  # pyright: ignore[reportArgumentType]
          n=1,
          keep_checkpoints_without_metrics=False,
        ),
      ]
    )
    self._directory = directory.absolute()
    if hosts.is_first():
      self._directory.mkdir(parents=True, exist_ok=True)
      whole_steps.set_damaged_aside(self._directory)
    hosts.wait_for_all(f"{directory.name} looked through")
    self._checkpointer = ocp.training.Checkpointer(
      str(self._directory),
      preservation_policy=kept,
      cleanup_tmp_directories=True,
    )
    _check_alike(self.latest, self._directory)

  @property
  def latest(self) -> int | None:
    """The last complete step."""
    found = self._checkpointer.latest
    return None if found is None else found.step

  @property
  def best(self) -> Best | None:
    """The step of the lowest held-out loss, the first of equal ones."""
    losses = self._losses()
    if not losses:
      return None
    step = min(losses, key=lambda step: (losses[step], step))
    return Best(step, losses[step])

  def loss(self, step: int) -> float | None:
    """The held-out loss of a saved step; None where none was measured."""
    return self._losses().get(step)

  def _losses(self) -> dict[int, float]:
    found: Any = self._checkpointer.checkpoints
    return {one.step: one.metrics["loss"] for one in found if one.metrics}

  def save(
    self, step: int, state: Any, batches, *, loss: float | None = None
  ) -> None:
    """Saves the state and the place of a grain iterator, and waits for it.

    Args:
      step: the number of updates that were made.
      state: a tree of arrays.
      batches: the iterator, at the same place on every host.
      loss: the held-out loss at this step, where it was measured.

    Raises:
      OSError: the disk is full; the steps before are whole.
    """
    metrics = None if loss is None else {"loss": loss, "step": step}
    with _disk_errors(self._directory):
      self._checkpointer.save_checkpointables(
        step,
        {"state": state, "batches": InputPlace(batches)},
        overwrite=True,
        metrics=metrics,
      )
    if hosts.is_first():
      whole_steps.seal(self._directory / str(step))
    # What was written leaves small blocks among the free ones, where the large
    # buffer of a step does not fit any more: without this every save costs the
    # memory of one more.
    release_freed_memory()

  def restore(self, step: int, state: State, batches=None) -> State:
    """Moves `batches` to its place and returns the state of `step`.

    Args:
      step: one of the saved ones.
      state: gives structure, types and target shardings; not read otherwise.
      batches: iterator over the same input as was saved; None where no training
        follows.
    """
    wanted = {"state": _abstract(state)}
    if batches is not None:
      wanted["batches"] = InputPlace(batches)
    return self._checkpointer.load_checkpointables(step, wanted)["state"]

  def close(self) -> None:
    # What a save raised is raised once more.
    with _disk_errors(self._directory):
      self._checkpointer.close()


def save_params(directory: pathlib.Path, params: Any) -> None:
  """Writes the parameters that a finished training is used with.

  Raises:
    OSError: the disk is full.
  """
  with _disk_errors(directory):
    ocp.save(str(directory.absolute() / _PARAMS), params, overwrite=True)


def load_params(directory: pathlib.Path, like: State) -> State:
  """Reads what `save_params` wrote, each array where `like` has it."""
  path = str(directory.absolute() / _PARAMS)
  found: Any = ocp.load(path, _abstract(like))
  return found


@contextlib.contextmanager
def _disk_errors(directory: pathlib.Path) -> Iterator[None]:
  """Raises the OSError that Orbax gives as the text of a ValueError."""
  try:
    yield
  except ValueError as error:
    for code in (errno.ENOSPC, errno.EDQUOT):
      if os.strerror(code) in str(error):
        raise OSError(code, os.strerror(code), str(directory)) from error
    raise


def _goodness(metrics: Any) -> tuple[float, int]:
  """Rises with the quality of a step; of equal ones the first is better."""
  return -metrics["loss"], -metrics["step"]


def _check_alike(latest: int | None, directory: pathlib.Path) -> None:
  """Raises on all hosts if one of them sees another last step."""
  if jax.process_count() == 1:
    return
  found = multihost_utils.process_allgather(np.int32(latest or 0))
  if (found != found[0]).any():
    raise ValueError(
      f"the hosts see different last steps in {directory}: "
      f"{', '.join(map(str, found))}. Give all of them one file system."
    )


def _abstract(tree: Any) -> Any:
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), tree
  )
