"""One of pytest's processes at a time."""

import contextlib
import fcntl
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def alone(path: pathlib.Path) -> Iterator[None]:
  """Waits until no other process holds the lock `path`."""
  with path.open("w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    yield
