"""The place of a run in its input, kept with a step."""

import json
import pathlib
from collections.abc import Awaitable
from typing import Any

from gr_jax.parallel import hosts

PLACE = "place.json"
# What grain wrote of one host of several; the others counted as far.
_OF_ONE_HOST = "process_0-of-*.json"


class InputPlace:
  """A grain iterator as Orbax saves it: one file, whoever reads it [OURS].

  Every host takes the same batches (`data.batches.epochs`), so the state of
  the first host's iterator is that of all. Grain itself writes a file for each
  host, which only as many hosts can read.

  Args:
    batches: the iterator; loading moves it.
  """

  def __init__(self, batches: Any):
    self._batches = batches

  async def save(self, directory: Any) -> Awaitable[None]:
    """Orbax's protocol: what is awaited in the background is returned."""
    # Read now: the loop goes on.
    return _write(directory, json.dumps(self._batches.get_state()))

  async def load(self, directory: Any) -> Awaitable[None]:
    """Moves the iterator to the place that was saved."""
    return self._move(pathlib.Path(directory))

  async def _move(self, directory: pathlib.Path) -> None:
    path = directory / PLACE
    if not path.is_file():
      path = next(directory.glob(_OF_ONE_HOST), path)
    self._batches.set_state(json.loads(path.read_text()))


async def _write(directory: Any, state: str) -> None:
  path = await directory.await_creation()
  if hosts.is_first():
    (path / PLACE).write_text(state)
