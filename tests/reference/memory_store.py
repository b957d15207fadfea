"""The store of several hosts, all of which are threads of one process."""

import threading


class MemoryStore:
  """See `gr_jax.parallel.store.Store`.

  Attributes:
    waits: set while calls go through; a call waits until it is.
  """

  def __init__(self):
    self._texts: dict[str, str] = {}
    self._lock = threading.Lock()
    self.waits = threading.Event()
    self.waits.set()

  def put(self, key, text):
    self.waits.wait()
    with self._lock:
      self._texts[key] = text

  def put_first(self, key, text):
    self.waits.wait()
    with self._lock:
      return self._texts.setdefault(key, text) is text

  def read(self, folder):
    self.waits.wait()
    with self._lock:
      return {
        key.rpartition("/")[2]: text
        for key, text in self._texts.items()
        if key.startswith(f"{folder}/")
      }
