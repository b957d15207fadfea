"""All events of every user, on disk, of which a stretch is read at a time.

`Histories` keeps the newest events in memory. A network that reads histories of
a lifetime needs the others once each, when they leave the newest, and all of
them again after a new model was trained. They are rows of an SQLite database,
numbered by user as they came: an event that was acknowledged is on disk, a
stretch of a long history costs what that stretch is long, and nothing is held
in memory. It takes the place of `Histories` where such a network is served.
"""

import pathlib
import sqlite3
import threading
from collections.abc import Sequence

from gr_jax.serving.catalogue.group_commit import GroupCommit
from gr_jax.serving.catalogue.service import NotWritten
from gr_jax.serving.users.history_state import Event

SUFFIX = ".lifetimes"
_TABLES = """
  CREATE TABLE IF NOT EXISTS users (
    number INTEGER PRIMARY KEY, user_id TEXT UNIQUE, events INTEGER);
  CREATE TABLE IF NOT EXISTS events (
    user INTEGER, number INTEGER, item_id TEXT, kind TEXT, time REAL,
    PRIMARY KEY (user, number)) WITHOUT ROWID;
"""
_COUNT = """
  INSERT INTO users (user_id, events) VALUES (?, 1)
  ON CONFLICT (user_id) DO UPDATE SET events = events + 1
"""
_USER = "SELECT number, events FROM users WHERE user_id = ?"
_READ = """
  SELECT item_id, kind, time FROM events
  WHERE user = (SELECT number FROM users WHERE user_id = ?)
    AND number >= ? AND number < ? ORDER BY number
"""


class Lifetimes:
  """The events of users, oldest first.

  Args:
    path: the file; it is made where missing, its folder must exist.
    newest: the events that `of` gives.

  Raises:
    ValueError: it cannot be read.
  """

  def __init__(self, path: pathlib.Path, *, newest: int = 64):
    self.path, self._newest = path, newest
    self._trouble: str | None = None
    try:
      # Who reads does not wait for the disk of who writes.
      self._writer, self._reader = _connected(path), _connected(path)
    except sqlite3.Error as error:
      raise ValueError(
        f"{path} cannot be read ({error}): put a backup in its place."
      ) from error
    self._writing, self._reading = threading.Lock(), threading.Lock()
    self._commit = GroupCommit(self._committed, self._writing)

  @property
  def size(self) -> int:
    """Events of all users."""
    with self._reading:
      row = self._reader.execute("SELECT total(events) FROM users").fetchone()
    return int(row[0])

  @property
  def trouble(self) -> str | None:
    """Why the last event was not taken; None while all is well."""
    return self._trouble

  def add(self, events: Sequence[Event]) -> None:
    """Returns when all are on disk.

    Raises:
      NotWritten: none of them is.
    """
    self._commit(list(events))

  def count(self, user_id: str) -> int:
    """The number of events of a user."""
    with self._reading:
      row = self._reader.execute(_USER, (user_id,)).fetchone()
    return row[1] if row else 0

  def read(self, user_id: str, start: int, stop: int) -> list[Event]:
    """The events from number `start`, 0 is the first, to before `stop`."""
    with self._reading:
      rows = self._reader.execute(_READ, (user_id, start, stop)).fetchall()
    return [Event(user_id, *row) for row in rows]

  def of(self, user_id: str) -> tuple[Event, ...]:
    """The newest events of a user, oldest first."""
    count = self.count(user_id)
    newest = self.read(user_id, max(count - self._newest, 0), count)
    return tuple(sorted(newest, key=lambda each: each.time))

  def remove(self, user_id: str) -> int:
    """Forgets a user, and returns how many events that were.

    Raises:
      NotWritten: they are still there.
    """
    with self._writing:
      try:
        return self._removed(user_id)
      except sqlite3.Error as error:
        raise NotWritten(str(error)) from error

  def _removed(self, user_id: str) -> int:
    with self._writer as database:
      row = database.execute(_USER, (user_id,)).fetchone()
      if row is None:
        return 0
      number, count = row
      database.execute("DELETE FROM users WHERE number = ?", (number,))
      database.execute("DELETE FROM events WHERE user = ?", (number,))
    # No old page that has them is left.
    with self._reading:
      self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count

  def _committed(self, groups: Sequence[list[Event]]) -> list[Exception | None]:
    try:
      # All are there or none is.
      with self._writer as database:
        for event in (each for group in groups for each in group):
          database.execute(_COUNT, event[:1])
          user, events = database.execute(_USER, event[:1]).fetchone()
          database.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
            (user, events - 1, *event[1:]),
          )
    except sqlite3.Error as error:
      self._trouble = f"{self.path} cannot be written ({error})"
      return [NotWritten(self._trouble)] * len(groups)
    self._trouble = None
    return [None] * len(groups)

  def close(self) -> None:
    """Ends it; no event comes after this."""
    with self._writing, self._reading:
      self._writer.close()
      self._reader.close()


def _connected(path: pathlib.Path) -> sqlite3.Connection:
  database = sqlite3.connect(path, timeout=10, check_same_thread=False)
  database.execute("PRAGMA journal_mode = WAL")
  # Of what was acknowledged a loss of power takes nothing.
  database.execute("PRAGMA synchronous = FULL")
  database.execute("PRAGMA secure_delete = ON")
  database.executescript(_TABLES)
  return database
