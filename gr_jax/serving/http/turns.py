"""Readers take turns while searches are under way.

A search passes the event loop several times between its first byte and its
answer. In each pass the loop does all that is ready: with 64 readers, whose
requests take it under a millisecond each, every pass of the search waits for
all of them, five times over. Here what is no search begins one at a time, with
a rest after each while a search is under way; with none there is no rest.
[OURS]
"""

import asyncio
from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

_REST = 0.003  # Seconds: a third of the loop and less for readers.


class Turns:
  """An ASGI application in front of another.

  Args:
    app: the application that takes all requests.
    searches: the method and path of those that do not wait.
  """

  def __init__(self, app: ASGIApp, *, searches: Collection[tuple[str, str]]):
    self._app, self._searches = app, searches
    self._under_way = 0
    self._turn = asyncio.Lock()

  async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
    """Hands a search on at once, and anything else in its turn."""
    if scope["type"] != "http":
      return await self._app(scope, receive, send)
    if (scope["method"], scope["path"]) not in self._searches:
      async with self._turn:
        await asyncio.sleep(_REST if self._under_way else 0)
      return await self._app(scope, receive, send)
    self._under_way += 1
    try:
      await self._app(scope, receive, send)
    finally:
      self._under_way -= 1
