"""Refuses searches at the door while the queue is full.

Under a load of several times what it can answer, a server that reads, checks
and routes each request before it says no spends its processor on refusals. This
one looks at the path alone, says 429 and goes on: what is admitted is answered
at nearly the rate of before. [OURS]
"""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from gr_jax.serving.engine.batching import Batcher, QueueFull
from gr_jax.serving.http.errors import refusal


class Admission:
  """An ASGI application in front of another.

  Args:
    app: the application that takes the rest.
    batcher: the queue.
    paths: the paths whose POST requests end in the queue.
    on_refusal: called with the path of each refusal.
  """

  def __init__(
    self,
    app: ASGIApp,
    batcher: Batcher,
    *,
    paths: tuple[str, ...],
    on_refusal: Callable[[str], None],
  ):
    self._app, self._batcher = app, batcher
    self._paths = frozenset(paths)
    self._on_refusal = on_refusal

  async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuses, or hands on."""
    queues = (
      scope["type"] == "http"
      and scope["method"] == "POST"
      and scope["path"] in self._paths
    )
    if queues:
      try:
        self._batcher.check_room()
      except QueueFull as full:
        answer = refusal(full)
        assert answer is not None
        await answer(scope, receive, send)
        self._on_refusal(scope["path"])
        return
    await self._app(scope, receive, send)
