"""Refuses at the door what would have to wait too long.

Under a load of several times what it can answer, a server that reads, checks
and routes each request before it says no spends its processor on refusals. This
one looks at method and path alone, says 429 and goes on: what is admitted is
answered at nearly the rate of before. Readers who do not obey `Retry-After` are
answered a moment later: each asks a few times a second then, not a hundred
times. [OURS]
"""

import asyncio
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from gr_jax.serving.engine.batching import QueueFull
from gr_jax.serving.http.errors import refusal
from gr_jax.serving.http.lane import LaneFull

_MOMENT = 0.2  # Seconds.


class Admission:
  """An ASGI application in front of another.

  Args:
    app: the application that takes the rest.
    doors: by method and path, what raises QueueFull while there is no room.
    on_refusal: called with the path of each refusal.
  """

  def __init__(
    self,
    app: ASGIApp,
    *,
    doors: Mapping[tuple[str, str], Callable[[], None]],
    on_refusal: Callable[[str], None],
  ):
    self._app, self._doors, self._on_refusal = app, doors, on_refusal

  async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuses, or hands on."""
    door = (
      self._doors.get((scope["method"], scope["path"]))
      if scope["type"] == "http"
      else None
    )
    if door:
      try:
        door()
      except QueueFull as full:
        if isinstance(full, LaneFull):
          await asyncio.sleep(_MOMENT)
        answer = refusal(full)
        assert answer is not None
        await answer(scope, receive, send)
        self._on_refusal(scope["path"])
        return
    await self._app(scope, receive, send)
