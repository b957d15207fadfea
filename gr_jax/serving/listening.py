"""The socket that a server listens on, taken before anything is loaded."""

import errno
import ipaddress
import socket

_UNREAD = 30_000  # Milliseconds.


def bound(host: str, port: int) -> socket.socket:
  """A socket with this address, on which nobody listens yet.

  Its connections end once what they were sent has not been read for half a
  minute, where the system can do that.

  Args:
    host: an address of this machine, or a name of it.
    port: its port, 0 for a free one.

  Raises:
    ValueError: there is no such port or host.
    OSError: the address is not of this machine, or in use.
  """
  if not 0 <= port < 1 << 16:
    raise ValueError(f"--port={port}: must be from 0, a free one, to 65535.")
  try:
    found = socket.getaddrinfo(
      host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
  except OSError as error:
    raise ValueError(f"--host={host}: {error.strerror}.") from None
  # Of a name with both kinds of address the one that every client knows.
  family, kind, protocol, _, address = min(
    found, key=lambda each: each[0] != socket.AF_INET
  )
  taken = socket.socket(family, kind, protocol)
  try:
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
      taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD)
    taken.bind(address)
  except OSError as error:
    taken.close()
    if error.errno == errno.EADDRINUSE:
      raise OSError(
        f"port {port} of {host} is in use; give another --port, 0 for a free "
        "one."
      ) from None
    raise OSError(f"--host={host}: {error.strerror}.") from None
  return taken


def is_loopback(taken: socket.socket) -> bool:
  """Whether only this machine reaches the socket."""
  address = taken.getsockname()[0].partition("%")[0]
  return ipaddress.ip_address(address).is_loopback


def url(taken: socket.socket) -> str:
  """Where it is, for people."""
  address, port = taken.getsockname()[:2]
  return f"http://{f'[{address}]' if ':' in address else address}:{port}"
