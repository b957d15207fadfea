"""Closes connections that say nothing, and those that are too many.

uvicorn waits for a request as long as a client likes: for the rest of its
headers, or for its first byte. Here each connection has so many seconds for
that, and so many more between two requests. (A body has its own limit; an
answer that nobody reads is ended by `listening`.)
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_FULL = (
  b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n"
  b"content-length: 0\r\nconnection: close\r\n\r\n"
)
# What one process opens beside connections: the log, arrays, libraries.
_OTHER_FILES = 100


def bounded_protocol(
  *, header_timeout: float, keep_alive: float, most: int
) -> type[asyncio.Protocol]:
  """uvicorn's protocol with limits.

  Args:
    header_timeout: seconds for the headers of a request.
    keep_alive: seconds until the next request begins.
    most: connections at once; those that come later are closed with 503. The
      process's own limit of open files makes it less.
  """
  most = min(most, max(1, _open_files() - _OTHER_FILES))
  base: Any = AutoHTTPProtocol

  class Bounded(base):
    def connection_made(self, transport: asyncio.Transport) -> None:
      super().connection_made(transport)
      self._late = self.loop.call_later(header_timeout, self._close)
      if len(self.connections) > most:
        transport.write(_FULL)
        self._close()

    def data_received(self, data: bytes) -> None:
      super().data_received(data)
      # In between only the old cycle is there, or none.
      if self.cycle is not None and not self.cycle.response_complete:
        self._late.cancel()

    def on_response_complete(self) -> None:
      super().on_response_complete()
      if self.cycle.response_complete:  # No other one waits behind it.
        self._late.cancel()
        wait = keep_alive + header_timeout
        self._late = self.loop.call_later(wait, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
      self._late.cancel()
      super().connection_lost(exc)

    def _close(self) -> None:
      self._late.cancel()
      self.transport.close()

  return Bounded


def _open_files() -> int:
  """The files that this process may open."""
  try:
    import resource
  except ImportError:  # Windows.
    return 2**31
  return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
