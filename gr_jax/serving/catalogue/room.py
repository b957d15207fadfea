"""Room for new semantic IDs, and whose room is given back.

IDs of removed items take room: one that comes back has the ID under which
histories and the generator know it. When a new item finds no room, those that
came after training and are gone longest are forgotten, all but the `remembered`
latest. That is a record of the log, so that a start forgets the same; whoever
of them comes back then is a new item, with a new ID.
"""

import itertools
import sys

from gr_jax.serving.catalogue.log_state import LogState


class Room:
  """The room of a server for new IDs.

  Args:
    size: new IDs that fit beside those of the run.
    remembered: removed items that keep theirs, the latest ones; None = as many
      as a quarter of the room.
  """

  def __init__(self, size: int, remembered: int | None = None):
    self._size = size
    self._remembered = size // 4 if remembered is None else remembered
    self._scarce = False

  def forgettable(self, state: LogState) -> list[str]:
    """Removed items that came after training, but for the latest ones."""
    return list(itertools.islice(state.removed, self._past(state)))

  def left(self, free: int, state: LogState) -> int:
    """IDs that fit, in the place of what would be forgotten for them.

    Args:
      free: places that no ID has.
      state: what the log comes to.
    """
    return free + self._past(state)

  def _past(self, state: LogState) -> int:
    return max(0, len(state.removed) - self._remembered)

  def warn(self, left: int) -> None:
    """Says on stderr, once, that less than an eighth of the room is left."""
    scarce = left < self._size // 8
    if scarce and not self._scarce:
      print(
        f"items: room for {left} of {self._size} new semantic IDs is left: "
        "start with a larger --room, or update the run.",
        file=sys.stderr,
        flush=True,
      )
    self._scarce = scarce
