"""Room for new semantic IDs, and whose room is given back.

IDs of removed items take room: one that comes back has the ID under which
histories and the generator know it. When a new item finds no room, those that
came after training and are gone longest are forgotten, all but the `remembered`
latest. That is a record of the log, so that a start forgets the same; whoever
of them comes back then is a new item, with a new ID.
"""

import itertools

from gr_jax.serving.catalogue.log_state import LogState


def is_scarce(left: int, room: int) -> bool:
  """Whether the room for new IDs runs out."""
  return left < room // 8


def forgettable(
  state: LogState, *, room: int, remembered: int | None
) -> list[str]:
  """Removed items that came after training, but for the latest ones.

  Args:
    state: what the log comes to.
    room: the room at a start.
    remembered: how many keep their IDs; None = as many as a quarter of it.
  """
  kept = room // 4 if remembered is None else remembered
  return list(
    itertools.islice(state.removed, max(0, len(state.removed) - kept))
  )
