"""Compacts the log of a server that goes on taking changes."""

import sys
import threading

from gr_jax.serving.catalogue.item_log import ItemLog

_GROWTH = 2


class Compaction:
  """Writes a log anew, by request or once it has grown.

  Args:
    log: the log.
    lock: held by whoever appends.
    least: bytes below which none is due.
  """

  def __init__(self, log: ItemLog, lock: threading.Lock, least: int):
    self._log, self._lock, self._least = log, lock, least
    self._one = threading.Lock()
    self._due = max(least, _GROWTH * log.state_size)

  def run(self) -> None:
    """Compacts, after another one that is at it.

    Raises:
      OSError: it cannot be written; the log is as it was.
    """
    with self._one:
      with self._lock:
        rewrite = self._log.begin_rewrite()
      try:
        rewrite.write()
        with self._lock:
          self._log.finish_rewrite(rewrite)
      except BaseException:
        with self._lock:
          self._log.abandon_rewrite(rewrite)
        raise
      self._due = max(self._least, _GROWTH * self._log.state_size)

  def start_if_due(self) -> None:
    """Compacts in a thread of its own where the log has grown enough."""
    size = self._log.place.size
    if size < self._due or self._one.locked():
      return
    # Another one, should this one fail, is due after as much again.
    self._due = size + self._least
    threading.Thread(
      target=self.try_to_run, name="compaction", daemon=True
    ).start()

  def try_to_run(self) -> None:
    """Compacts, or says why not."""
    try:
      self.run()
    except OSError as error:
      why = error.strerror or error
      print(f"log: not compacted: {why}", file=sys.stderr, flush=True)
