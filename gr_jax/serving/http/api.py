"""The routes of the API, from a request to its answer."""

import asyncio
import dataclasses
import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gr_jax.serving.catalogue.service import Service
from gr_jax.serving.engine.batching import Batcher
from gr_jax.serving.http.errors import refusal
from gr_jax.serving.http.fields import Record
from gr_jax.serving.http.http_body import Refused, read_json
from gr_jax.serving.http.item_changes import change, items_record
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.http.openapi import openapi
from gr_jax.serving.http.search_request import (
  narrowed,
  question,
  recommend_record,
  search_record,
)

Handler = Callable[[Request], Awaitable[Response]]


@dataclasses.dataclass(frozen=True)
class HttpConfig:
  """Limits of what is accepted.

  Attributes:
    token: bearer token, empty for none.
    queue: questions that may wait.
    busy: how many of them make searches narrow, where there is a choice.
    deadline: seconds that a question waits for others at most.
    timeout: seconds until an answer is too late.
    max_body: bytes.
  """

  token: str = ""
  queue: int = 256
  busy: int = 32
  deadline: float = 0.004
  timeout: float = 10.0
  max_body: int = 4_000_000


class Api:
  """Handlers over a service.

  Args:
    service: answers and changes.
    batcher: of questions.
    config: limits.
    metrics: count what happens.
    unavailable: what the server is doing instead of serving, if so.
    reload: as `Service.reload`.
  """

  def __init__(
    self,
    service: Service,
    batcher: Batcher,
    config: HttpConfig,
    metrics: ServingMetrics,
    *,
    unavailable: Callable[[], str | None],
    reload: Callable[[], int],
  ):
    self._service, self._batcher = service, batcher
    self._config, self._metrics = config, metrics
    self._unavailable, self._reload_service = unavailable, reload
    beams = service.config.beams
    self._search_record = search_record(beams)
    self._recommend_record = recommend_record(beams)
    self._items_record = items_record()
    self.routes = [
      self.route("/search", self._search, "POST"),
      self.route("/recommend", self._recommend, "POST"),
      self.route("/items", self._change, "POST"),
      self.route("/items/{item_id:path}", self._item, "GET"),
      self.route("/admin/reload", self._reload, "POST"),
      self.route("/metrics", self._tell_metrics, "GET"),
      self.route("/openapi.json", self._openapi, "GET", guarded=False),
      self.route("/healthz", self._health, "GET", guarded=False),
      self.route("/readyz", self._readiness, "GET", guarded=False),
    ]

  def route(
    self, path: str, handler: Handler, method: str, *, guarded: bool = True
  ) -> Route:
    """A route whose errors are told as JSON; `guarded` asks for the token."""

    async def endpoint(request: Request) -> Response:
      start = time.perf_counter()
      try:
        if guarded:
          self._check_token(request)
        response = await handler(request)
      except ClientDisconnect:
        response = Response(status_code=499)
      except Exception as error:
        response = refusal(error)
        if response is None:
          self._metrics.requests.labels(path, 500).inc()
          raise
      self._metrics.requests.labels(path, response.status_code).inc()
      self._metrics.latency.labels(path).observe(time.perf_counter() - start)
      return response

    return Route(path, endpoint, methods=[method])

  async def body(self, request: Request, record: Record) -> dict[str, Any]:
    """The checked body of a request, once the server is ready.

    Raises:
      Refused, Invalid: not ready, no JSON, or it does not fit the record.
    """
    self._check_ready()
    found = await read_json(
      request, limit=self._config.max_body, timeout=self._config.timeout
    )
    return record.check(found)

  def _check_token(self, request: Request) -> None:
    if not self._config.token:
      return
    given = request.headers.get("authorization", "").encode()
    wanted = f"Bearer {self._config.token}".encode()
    if not hmac.compare_digest(given, wanted):
      raise Refused(
        401,
        "the bearer token is missing or wrong.",
        {"WWW-Authenticate": "Bearer"},
      )

  def _check_ready(self) -> None:
    if doing := self._unavailable():
      raise Refused(503, f"the server is {doing}.", {"Retry-After": "1"})

  async def _search(self, request: Request) -> Response:
    body = await self.body(request, self._search_record)
    return await self._answer(body, body["query"])

  async def _recommend(self, request: Request) -> Response:
    body = await self.body(request, self._recommend_record)
    return await self._answer(body, None)

  async def _answer(self, body: dict[str, Any], query: str | None) -> Response:
    beams = self._service.config.beams
    if self._batcher.waiting >= self._config.busy:
      body = narrowed(body, beams)
    asked = question(body, beams=beams, query=query)
    future = asyncio.wrap_future(self._batcher.submit(asked))
    reply = await asyncio.wait_for(future, self._config.timeout)
    answer = reply.answer
    self._metrics.queue.observe(reply.waited)
    taken = {"queue": 1e3 * reply.waited, **answer.milliseconds}
    found = answer._asdict() | {"beam": asked.beam}
    found["milliseconds"] = {k: round(v, 3) for k, v in taken.items()}
    return JSONResponse(found)

  async def _change(self, request: Request) -> Response:
    asked = change(await self.body(request, self._items_record))
    done = await asyncio.to_thread(self._service.change, asked)
    for kind, changed in asked._asdict().items():
      self._metrics.changes.labels(kind).inc(len(changed))
    return JSONResponse(done)

  async def _item(self, request: Request) -> Response:
    found = self._service.item(request.path_params["item_id"])
    if found is None:
      raise Refused(404, "the catalogue has no such item.")
    return JSONResponse(found)

  async def _reload(self, request: Request) -> Response:
    if not self._config.token:
      raise Refused(403, "start the server with a token to allow this.")
    self._check_ready()
    version = await asyncio.to_thread(self._reload_service)
    return JSONResponse({"version": version})

  async def _tell_metrics(self, request: Request) -> Response:
    text = self._metrics.text()
    return Response(text, media_type="text/plain; version=0.0.4")

  async def _openapi(self, request: Request) -> Response:
    return JSONResponse(openapi(self._service.config.beams))

  async def _health(self, request: Request) -> Response:
    return JSONResponse({"status": "alive"})

  async def _readiness(self, request: Request) -> Response:
    self._check_ready()
    return JSONResponse({"status": "ready"})
