"""States of users on disk: one file, which many processes read and write.

It is a cache: what is not in it is computed again. It is an SQLite database
whose changes go to a log first, so that a process that is killed leaves the
state of before or the new one, and another process waits for its turn. A row is
`user, version -> events, mark, state` and the CRC-32 of all of these:

  * of another version nothing is found, since it is part of the key;
  * a state that is not as it was written is named, taken out, and computed
    again; a file that SQLite cannot read is put aside as `.damaged`;
  * the file has a bound; those whose state was not used for longest go first;
  * user IDs are in it as hashes alone.

A disk that is full or gone stops no request: nothing is found then.
"""

import contextlib
import hashlib
import os
import pathlib
import sqlite3
import sys
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

Result = TypeVar("Result")

_TABLE = """
  CREATE TABLE IF NOT EXISTS states (
    user BLOB, version TEXT, events INTEGER, mark INTEGER, used INTEGER,
    checksum INTEGER, state BLOB, PRIMARY KEY (user, version));
  CREATE INDEX IF NOT EXISTS by_use ON states (used);
"""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
_SELECT = """
  SELECT events, mark, used, checksum, state FROM states
  WHERE user = ? AND version = ?
"""
_DELETE = "DELETE FROM states WHERE user = ? AND version = ?"
_NOTE = "UPDATE states SET used = ? WHERE user = ? AND version = ?"
# A row of one size is written over, and leaves nothing of itself elsewhere.
_UPSERT = """
  INSERT INTO states VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (user, version) DO UPDATE SET
    events = excluded.events, mark = excluded.mark, used = excluded.used,
    checksum = excluded.checksum, state = excluded.state
"""
_OLDEST = (
  "DELETE FROM states WHERE rowid IN "
  "(SELECT rowid FROM states ORDER BY used, rowid LIMIT ?)"
)
# A use is noted when the last note of one is older than this many seconds.
_NOTED = 600
# Not damage, but a disk or a lock that may be well again.
_PASSING = {
  sqlite3.SQLITE_BUSY,
  sqlite3.SQLITE_LOCKED,
  sqlite3.SQLITE_FULL,
  sqlite3.SQLITE_READONLY,
  sqlite3.SQLITE_CANTOPEN,
  sqlite3.SQLITE_IOERR,
  sqlite3.SQLITE_NOMEM,
  sqlite3.SQLITE_PERM,
}


class Stored(NamedTuple):
  """The state of a user.

  Attributes:
    events: the number of the user's oldest events that are in it.
    mark: a checksum of the newest of these.
    state: float64.
  """

  events: int
  mark: int
  state: np.ndarray


class StateStore:
  """Reads and writes states of one version.

  Args:
    path: the file; it is made where missing, its folder must exist.
    version: that of what makes the states, see `state_version`.
    shape: the shape of every state.
    max_bytes: the size that the file does not outgrow by more than a batch.
    clock: unix seconds.

  Raises:
    ValueError: the file is a database of something else.

  Attributes:
    shape: as given.
    damaged: states and files that were found to be damaged.
  """

  def __init__(
    self,
    path: pathlib.Path,
    *,
    version: str,
    shape: Sequence[int],
    max_bytes: int = 4_000_000_000,
    clock: Callable[[], float] = time.time,
  ):
    self.path, self.damaged = pathlib.Path(path), 0
    self._version, self.shape = version, tuple(shape)
    self._max_bytes, self._clock = max_bytes, clock
    self._lock = threading.Lock()
    self._connection: sqlite3.Connection | None = None
    self._closed, self._trouble = False, ""
    self._try(lambda database: None, None)

  def get(self, user_ids: Sequence[str]) -> list[Stored | None]:
    """The states of users, None where there is none."""
    users = [_hashed(user_id) for user_id in user_ids]
    return self._try(
      lambda database: self._read(database, users), [None] * len(users)
    )

  def put(self, states: Mapping[str, Stored]) -> None:
    """Writes the states of users, all of them or none.

    Raises:
      ValueError: a state of another shape.
    """
    rows, now = [], int(self._clock())
    for user_id, (events, mark, state) in states.items():
      if state.shape != self.shape:
        raise ValueError(
          f"the state has the shape {state.shape}; those of {self.path} have "
          f"{self.shape}."
        )
      user, data = _hashed(user_id), state.astype("<f8").tobytes()
      checksum = self._checksum(user, events, mark, data)
      rows.append((user, self._version, events, mark, now, checksum, data))
    self._try(lambda database: self._write(database, rows), None)

  def remove(self, user_id: str) -> None:
    """Forgets a user, under every version; nothing is left in the file."""

    def work(database: sqlite3.Connection) -> None:
      database.execute("DELETE FROM states WHERE user = ?", (_hashed(user_id),))
      database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    self._try(work, None)

  def close(self) -> None:
    """Ends it; nothing is found or written after this."""
    with self._lock:
      self._closed = True
      self._disconnect()

  @property
  def size(self) -> int:
    """The bytes of the file that are in use; 0 where it cannot be read."""
    return self._try(_size, 0)

  def _read(
    self, database: sqlite3.Connection, users: Sequence[bytes]
  ) -> list[Stored | None]:
    found: list[Stored | None] = [None] * len(users)
    now, noted = int(self._clock()), []
    for at, user in enumerate(users):
      row = database.execute(_SELECT, (user, self._version)).fetchone()
      if row is None:
        continue
      events, mark, used, checksum, data = row
      if checksum != self._checksum(user, events, mark, data):
        self.damaged += 1
        _say(f"the state of {user.hex()} in {self.path} is damaged: redone")
        database.execute(_DELETE, (user, self._version))
        continue
      state = np.frombuffer(data, "<f8").reshape(self.shape)
      found[at] = Stored(events, mark, state)
      if not isinstance(used, int) or not 0 <= now - used < _NOTED:
        noted.append((now, user, self._version))
    if noted:
      database.executemany(_NOTE, noted)
    return found

  def _write(self, database: sqlite3.Connection, rows: Sequence[tuple]) -> None:
    database.execute("BEGIN IMMEDIATE")
    database.executemany(_UPSERT, rows)
    # Twice what came, so that a batch in two has nothing to do here.
    while _size(database) > self._max_bytes:
      if not database.execute(_OLDEST, (2 * len(rows),)).rowcount:
        break
    database.execute("COMMIT")

  def _checksum(self, user: bytes, events: int, mark: int, data: bytes) -> int:
    # Damage may give it another type.
    if not isinstance(data, bytes):
      return -1
    head = f"{self._version} {self.shape} {events} {mark}".encode()
    return zlib.crc32(data, zlib.crc32(user + head))

  def _try(
    self, work: Callable[[sqlite3.Connection], Result], otherwise: Result
  ) -> Result:
    """Does some work, which SQLite may end anywhere: then nothing was found."""
    with self._lock:
      if self._closed:
        return otherwise
      try:
        return work(self._connected())
      # The second where SQLite quotes damaged names in the first.
      except (sqlite3.Error, UnicodeDecodeError) as error:
        self._ended(error)
        return otherwise

  def _connected(self) -> sqlite3.Connection:
    if self._connection is None:
      self._connection = database = sqlite3.connect(
        self.path, timeout=10, isolation_level=None, check_same_thread=False
      )
      tables = {name for (name,) in database.execute(_TABLES)}
      if tables and "states" not in tables:
        self._disconnect()
        raise ValueError(
          f"{self.path} is a database of something else: give the cache of "
          "histories another file."
        )
      database.execute("PRAGMA journal_mode = WAL")
      # What a loss of power takes is computed again.
      database.execute("PRAGMA synchronous = NORMAL")
      database.execute("PRAGMA secure_delete = ON")
      database.executescript(_TABLE)
    return self._connection

  def _disconnect(self) -> None:
    if self._connection is not None:
      with contextlib.suppress(sqlite3.Error):
        self._connection.close()
    self._connection = None

  def _ended(self, error: Exception) -> None:
    self._disconnect()
    # The low byte is the kind of the error.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code in _PASSING:
      if self._trouble != str(error):
        self._trouble = str(error)
        _say(f"{self.path} cannot be used ({error}): states are not kept")
      return
    self.damaged += 1
    aside = self.path.with_name(f"{self.path.name}.damaged")
    _say(f"{self.path} is damaged ({error}): put aside as {aside.name}")
    with contextlib.suppress(OSError):
      os.replace(self.path, aside)
    for end in ("-wal", "-shm"):
      self.path.with_name(self.path.name + end).unlink(missing_ok=True)


def _size(database: sqlite3.Connection) -> int:
  pages, free, each = (
    database.execute(f"PRAGMA {name}").fetchone()[0]
    for name in ("page_count", "freelist_count", "page_size")
  )
  return (pages - free) * each


def _hashed(user_id: str) -> bytes:
  return hashlib.blake2b(user_id.encode(), digest_size=16).digest()


def _say(text: str) -> None:
  print(f"histories: {text}", file=sys.stderr, flush=True)
