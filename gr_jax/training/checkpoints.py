"""Checkpoints of a training run: its state and its place in the input."""

import pathlib
from typing import Any, TypeVar

import jax
from orbax.checkpoint import v1 as ocp

# A `TrainState`, or another tree of arrays.
State = TypeVar("State")


class Checkpoints:
  """Steps under one directory; a step that was cut off is never seen.

  Args:
    directory: created where missing.
    keep: the number of latest steps that stay.
  """

  def __init__(self, directory: pathlib.Path, *, keep: int = 2):
    # Orbax's own policies do not match the type that it declares.
    latest: Any = ocp.training.preservation_policies.LatestN(keep)
    self._checkpointer = ocp.training.Checkpointer(
      str(directory.absolute()),
      preservation_policy=latest,
      cleanup_tmp_directories=True,
    )

  @property
  def latest(self) -> int | None:
    """The last complete step."""
    found = self._checkpointer.latest
    return None if found is None else found.step

  def save(self, step: int, state: Any, batches) -> None:
    """Saves the state and the position of a grain iterator."""
    self._checkpointer.save_checkpointables(
      step, {"state": state, "batches": batches}, overwrite=True
    )

  def restore(self, step: int, state: State, batches=None) -> State:
    """Moves `batches` to its place and returns the state of `step`.

    Args:
      step: one of the saved ones.
      state: gives structure, types and target shardings; not read otherwise.
      batches: iterator over the same input as was saved; None where no training
        follows.
    """
    abstract = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
      state,
    )
    wanted = {"state": abstract}
    if batches is not None:
      wanted["batches"] = batches
    return self._checkpointer.load_checkpointables(step, wanted)["state"]

  def close(self) -> None:
    self._checkpointer.close()


def restore_latest(directory: pathlib.Path, state: State) -> State:
  """The state of the last complete step, where no training follows."""
  checkpoints = Checkpoints(directory)
  latest = checkpoints.latest
  assert latest is not None  # A stage that is finished has a step.
  found = checkpoints.restore(latest, state)
  checkpoints.close()
  return found
