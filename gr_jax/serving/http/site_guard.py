"""Keeps pages of other sites from using a visitor's browser against a server.

A browser sends what a page of any site asks for, also to a server on loopback.
Two headers that a page cannot forge tell: `Host`, which holds the name that the
page knows the server by (a name that its owner lets point to 127.0.0.1 is none
of ours: DNS rebinding), and for all that is not a plain read `Origin` and
`Sec-Fetch-Site`, as Go's `http.CrossOriginProtection` reads them. Programs send
neither of the latter two and are not asked for them.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gr_jax.serving.http.errors import reply
from gr_jax.serving.requests import shown

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
ANY_ADDRESS = ("0.0.0.0", "[::]")
_READS = ("GET", "HEAD", "OPTIONS")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]*)?")
_ORIGIN = re.compile(r"https?://[^/?#@\s*]+")


def checked_origin(text: str) -> str:
  """An origin as browsers write it.

  Raises:
    ValueError: it is none.
  """
  if not _ORIGIN.fullmatch(text.lower()):
    raise ValueError(
      f"{text!r} is no origin: write scheme and host, as in "
      "https://shop.example or http://localhost:3000."
    )
  return text.lower()


class SiteGuard:
  """An ASGI application in front of another.

  Args:
    app: the application that takes the rest.
    hosts: names of this server beside those of loopback. Where one of them
      stands for every address, such as 0.0.0.0, every address is one.
    origins: origins whose pages may do what the server's own page may.
    on_refusal: called with the status of each refusal.
  """

  def __init__(
    self,
    app: ASGIApp,
    *,
    hosts: Sequence[str],
    origins: Sequence[str],
    on_refusal: Callable[[int], None] = lambda status: None,
  ):
    self._app, self._on_refusal = app, on_refusal
    self._hosts = {*LOOPBACK, *map(_written, hosts)}
    self._addresses = not self._hosts.isdisjoint(ANY_ADDRESS)
    self._origins = frozenset(map(checked_origin, origins))

  async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuses, or hands on."""
    refused = self._refused(scope) if scope["type"] == "http" else None
    if refused is not None:
      self._on_refusal(refused.status_code)
    await (refused or self._app)(scope, receive, send)

  def _refused(self, scope: Scope) -> Response | None:
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if len(headers.getlist("host")) != 1 or not self._is_ours(host):
      name = shown(host)
      return reply(
        421,
        f"this server does not answer to the name {name}; --allowed-host makes "
        "it one of its names.",
      )
    if scope["method"] in _READS:
      return None
    origin = headers.get("origin", "").lower()
    if origin in self._origins:
      return None
    ours = not origin or origin.partition("://")[2] == host.lower()
    fetched = headers.get("sec-fetch-site", "none").lower()
    if ours and fetched in ("none", "same-origin"):
      return None
    return reply(
      403,
      f"a page of {shown(origin or 'another site')} may not do this; "
      "--cors-origin allows it.",
    )

  def _is_ours(self, host: str) -> bool:
    found = _HOST.fullmatch(host.lower())
    if not found:
      return False
    name = found[1].removesuffix(".")
    return name in self._hosts or (self._addresses and _is_address(name))


def cors(origins: Sequence[str]) -> list[Middleware]:
  """What lets pages of these origins read answers; nothing without any."""
  if not origins:
    return []
  allowed = Middleware(
    CORSMiddleware,
    allow_origins=[checked_origin(each) for each in origins],
    allow_methods=("GET", "POST", "PUT", "DELETE"),
    allow_headers=("Authorization", "Content-Type"),
    expose_headers=("Retry-After",),
  )
  return [allowed]


def _written(host: str) -> str:
  """A name as it stands in `Host`: an IPv6 address is in brackets there."""
  name = host.lower().removesuffix(".")
  return f"[{name}]" if ":" in name and name[0] != "[" else name


def _is_address(name: str) -> bool:
  try:
    ipaddress.ip_address(name.strip("[]"))
  except ValueError:
    return False
  return True
