"""Routes of a server, from a request to its answer."""

import time
from collections.abc import Awaitable, Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from gr_jax.serving.http.answers import DescriptionBody, StatusBody
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.docs import HEADERS, docs_page
from gr_jax.serving.http.errors import refusal
from gr_jax.serving.http.http_body import Bodies
from gr_jax.serving.http.lane import Lane
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.http.openapi import Operation, openapi
from gr_jax.serving.http.tokens import Tokens
from gr_jax.serving.http.validation import validated


class _Route(Route):
  """A route that leaves what longer ones know to them, by any method."""

  def __init__(
    self,
    path: str,
    endpoint: Callable[[Request], Awaitable[Response]],
    methods: list[str],
    longer: Sequence[Route],
  ):
    super().__init__(path, endpoint, methods=methods)
    self._longer = longer

  def matches(self, scope: Scope) -> tuple[Match, Scope]:
    if any(each.matches(scope)[0] != Match.NONE for each in self._longer):
      return Match.NONE, {}
    return super().matches(scope)


class Routes:
  """The routes of operations, and those that every server has beside them.

  Args:
    operations: what this server does.
    config: the limits.
    metrics: the counters.
    unavailable: returns what the server is doing instead of serving, if so.
    trouble: returns why no change can be taken, if so.

  Attributes:
    routes: all of them, each counted by its path and status.
    doors: what raises QueueFull while the queue of an operation has no room,
      by method and path.
  """

  def __init__(
    self,
    operations: Sequence[Operation],
    config: HttpConfig,
    metrics: ServingMetrics,
    *,
    unavailable: Callable[[], str | None],
    trouble: Callable[[], str | None],
  ):
    self._metrics = metrics
    self._bodies = Bodies(most=config.max_body, timeout=config.timeout)
    self._scrapes = Lane(
      "metrics", waiting=16, rest=4.0, timeout=config.timeout
    )
    self._tokens = Tokens(config.token, config.read_token)
    self._unavailable, self._trouble = unavailable, trouble
    operations = [*operations, *self._own()]
    document = openapi(operations)
    self._docs = docs_page(document)
    self._description = JSONResponse(document).body
    self.doors = {
      (each.method, each.path): each.door for each in operations if each.door
    }
    self.routes: list[Route] = []
    for each in operations:
      self.routes.append(self._route(each))

  def _own(self) -> list[Operation]:
    """The operations of every server."""
    return [
      Operation(
        "/metrics",
        self._metrics_text,
        "Counters as Prometheus reads them.",
        name="metrics",
        answer="text/plain",
        errors=("504",),
        door=self._scrapes.check_room,
      ),
      Operation(
        "/openapi.json",
        self._openapi,
        "This description.",
        name="openapi",
        answer=DescriptionBody,
        access="open",
      ),
      Operation(
        "/docs",
        self._docs_page,
        "This description, for people.",
        name="docs",
        answer="text/html",
        access="open",
      ),
      Operation(
        "/healthz",
        self._health,
        "The process answers.",
        name="health",
        answer=StatusBody,
        access="open",
      ),
      Operation(
        "/readyz",
        self._readiness,
        "Every program is compiled, and changes are taken.",
        name="readiness",
        errors=("503",),
        answer=StatusBody,
        access="open",
      ),
    ]

  def _route(self, operation: Operation) -> Route:
    """A route that checks what comes in and answers errors as JSON."""
    path, counted = operation.path, self._metrics.requests

    async def endpoint(request: Request) -> Response:
      start = time.perf_counter()
      try:
        self._tokens.check(request, operation.access)
        response = await self._handled(operation, request)
      except ClientDisconnect:
        response = Response(status_code=499)
      except Exception as error:
        response = refusal(error)
        if response is None:
          counted.labels(path, 500).inc()
          raise
      # No browser is to take an answer for a page or a script.
      response.headers["X-Content-Type-Options"] = "nosniff"
      counted.labels(path, response.status_code).inc()
      self._metrics.latency.labels(path).observe(time.perf_counter() - start)
      return response

    longer = [each for each in self.routes if each.path.startswith(f"{path}/")]
    return _Route(path, endpoint, [operation.method], longer)

  async def _handled(self, operation: Operation, request: Request) -> Response:
    if operation.waits:
      self._check_ready()
    if operation.parameters is not None:
      given = dict(request.query_params)
      checked = validated(operation.parameters, given, whole="the query string")
      return await operation.handler(request, checked)
    if operation.body is None:
      return await operation.handler(request)
    body = await self._bodies.read(request, operation.body, operation.limit)
    return await operation.handler(request, body)

  def _check_ready(self) -> None:
    if doing := self._unavailable():
      raise HTTPException(503, f"the server is {doing}.", {"Retry-After": "1"})

  async def _metrics_text(self, request: Request) -> Response:
    text = await self._scrapes.run(self._metrics.text)
    return Response(text, media_type="text/plain; version=0.0.4")

  async def _openapi(self, request: Request) -> Response:
    return Response(self._description, media_type="application/json")

  async def _docs_page(self, request: Request) -> Response:
    return Response(self._docs, media_type="text/html", headers=HEADERS)

  async def _health(self, request: Request) -> Response:
    return JSONResponse({"status": "alive"})

  async def _readiness(self, request: Request) -> Response:
    self._check_ready()
    if trouble := self._trouble():
      raise HTTPException(503, f"no change can be taken: {trouble}.")
    return JSONResponse({"status": "ready"})
