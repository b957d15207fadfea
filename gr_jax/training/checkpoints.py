"""Checkpoints of a training run: its state and its place in the input."""

import pathlib

import jax
from orbax.checkpoint import v1 as ocp

from gr_jax.training.state import TrainState


class Checkpoints:
  """Steps under one directory; a step that was cut off is never seen.

  Args:
    directory: created where missing.
    keep: the number of latest steps that stay.
  """

  def __init__(self, directory: pathlib.Path, *, keep: int = 2):
    self._checkpointer = ocp.training.Checkpointer(
      directory.absolute(),
      preservation_policy=ocp.training.preservation_policies.LatestN(keep),
      cleanup_tmp_directories=True,
    )

  @property
  def latest(self) -> int | None:
    """The last complete step."""
    found = self._checkpointer.latest
    return None if found is None else found.step

  def save(self, step: int, state: TrainState, batches) -> None:
    """Saves the state and the position of a grain iterator."""
    self._checkpointer.save_checkpointables(
      step, {"state": state, "batches": batches}, overwrite=True
    )

  def restore(self, step: int, state: TrainState, batches) -> TrainState:
    """Moves `batches` to its place and returns the state of `step`.

    Args:
      step: one of the saved ones.
      state: gives structure, types and target shardings; not read otherwise.
      batches: iterator over the same input as was saved.
    """
    return self._checkpointer.load_checkpointables(
      step, {"state": _abstract(state), "batches": batches}
    )["state"]

  def restore_state(self, step: int, state: TrainState) -> TrainState:
    """Returns the state of `step`, where no training follows."""
    return self._checkpointer.load_checkpointables(
      step, {"state": _abstract(state)}
    )["state"]

  def close(self) -> None:
    self._checkpointer.close()


def _abstract(state: TrainState) -> TrainState:
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
    state,
  )
