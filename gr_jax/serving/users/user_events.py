"""What the operations of a server need of the place where events are kept."""

from collections.abc import Sequence
from typing import Protocol

from gr_jax.serving.users.history_state import Event


class UserEvents(Protocol):
  """Events of users, taken one request at a time.

  `Histories` keeps the newest, `Lifecycles` all of them.
  """

  @property
  def size(self) -> int:
    """Events of all users."""
    ...

  @property
  def trouble(self) -> str | None:
    """Why no event can be taken; None while all is well."""
    ...

  def add(self, events: Sequence[Event]) -> None:
    """Returns when all are on disk; raises `NotWritten` where none is."""
    ...

  def of(self, user_id: str) -> tuple[Event, ...]:
    """The newest events of a user, oldest first."""
    ...

  def remove(self, user_id: str) -> int:
    """Forgets a user, and returns how many events that were.

    Raises `NotWritten` where they are still there.
    """
    ...

  def close(self) -> None:
    """Ends it; no event comes after this."""
    ...
