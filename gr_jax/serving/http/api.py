"""The routes of the API, from a request to its answer."""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gr_jax.serving.beam_names import beam_name, narrowest_first
from gr_jax.serving.catalogue.service import Service
from gr_jax.serving.engine.batching import Batcher
from gr_jax.serving.http.answers import AnswerBody
from gr_jax.serving.http.cached_answers import CachedAnswers
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.errors import refusal
from gr_jax.serving.http.http_body import CHANGE, Bodies
from gr_jax.serving.http.lane import Lane
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.http.openapi import Operation, openapi
from gr_jax.serving.http.schemas import (
  ItemsBody,
  item_change,
  search_bodies,
  search_request,
)
from gr_jax.serving.http.tokens import Tokens
from gr_jax.serving.http.validation import validated
from gr_jax.serving.requests import SearchRequest


class Api:
  """The handlers over a service.

  Args:
    service: answers and changes.
    batcher: the queue of searches.
    config: the limits.
    metrics: the counters.
    cached: the answers that may be given again, if any.
    unavailable: returns what the server is doing instead of serving, if so.
    reload: does what `Service.reload` does; returns the answer to it.
    more: operations that come before these.

  Attributes:
    routes: all of them, each counted by its path and status.
    doors: of operations with a queue, by method and path, what raises QueueFull
      while there is no room.
  """

  def __init__(
    self,
    service: Service,
    batcher: Batcher,
    config: HttpConfig,
    metrics: ServingMetrics,
    *,
    cached: CachedAnswers | None = None,
    unavailable: Callable[[], str | None],
    reload: Callable[[], dict[str, Any]],
    more: Sequence[Operation] = (),
  ):
    self._service, self._batcher = service, batcher
    self._config, self._metrics = config, metrics
    self._bodies = Bodies(most=config.max_body, timeout=config.timeout)
    # Changes that come together are written together: they wait in threads.
    self._changes = Lane("change", threads=16)
    self._scrapes = Lane(
      "metrics", waiting=16, rest=4.0, timeout=config.timeout
    )
    self._tokens = Tokens(config.token, config.read_token)
    self._cached = cached
    self._unavailable, self._reload_service = unavailable, reload
    beams = service.config.beams
    self._narrowest_first = narrowest_first(beams)
    bodies = search_bodies(beams)
    batched: dict[str, Any] = {
      "method": "POST",
      "errors": ("504",),
      "answer": AnswerBody,
      "door": batcher.check_room,
    }
    operations = [
      *more,
      Operation(
        "/search",
        self._search,
        "Items for a query.",
        body=bodies["/search"],
        **batched,
      ),
      Operation(
        "/recommend",
        self._search,
        "Items for the next basket.",
        body=bodies["/recommend"],
        **batched,
      ),
      Operation(
        "/items",
        self._change,
        "Adds, removes or changes items; on disk when answered.",
        method="POST",
        errors=("409", "507"),
        body=ItemsBody,
        limit=CHANGE,
        door=self._changes.check_room,
        access="change",
      ),
      Operation(
        "/items/{item_id:path}", self._item, "One item.", errors=("404", "503")
      ),
      Operation(
        "/admin/reload",
        self._reload,
        "Serves the artefacts that lie in the folder now.",
        method="POST",
        errors=("409", "503"),
        access="change",
      ),
      Operation("/metrics", self._metrics_text, door=self._scrapes.check_room),
      Operation("/openapi.json", self._openapi, access="open"),
      Operation(
        "/healthz", self._health, "The process answers.", access="open"
      ),
      Operation(
        "/readyz",
        self._readiness,
        "Every program is compiled.",
        errors=("503",),
        access="open",
      ),
    ]
    self._description = JSONResponse(openapi(operations)).body
    self.doors = {
      (each.method, each.path): each.door for each in operations if each.door
    }
    self.routes = [self._route(each) for each in operations]

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

    return Route(path, endpoint, methods=[operation.method])

  async def _handled(self, operation: Operation, request: Request) -> Response:
    if operation.parameters is not None:
      given = dict(request.query_params)
      checked = validated(operation.parameters, given, whole="the query string")
      return await operation.handler(request, checked)
    if operation.body is None:
      return await operation.handler(request)
    self._check_ready()
    body = await self._bodies.read(request, operation.body, operation.limit)
    return await operation.handler(request, body)

  def _check_ready(self) -> None:
    if doing := self._unavailable():
      raise HTTPException(503, f"the server is {doing}.", {"Retry-After": "1"})

  async def _search(self, request: Request, body: BaseModel) -> Response:
    start = time.perf_counter()
    search = self._search_request(body)
    before = self._service.serving if self._cached else None
    if self._cached and before:
      named = (search.beam,) if search.beam is not None else ()
      beams = named or self._batcher.allowed
      if found := self._cached.find(search, before, beams):
        return Response(found, media_type="application/json")
    future = asyncio.wrap_future(self._batcher.submit(search))
    reply = await asyncio.wait_for(future, self._config.timeout)
    answer = reply.answer
    self._metrics.queue.observe(reply.waited)
    self._metrics.beams.labels(beam_name(reply.beam)).inc()
    if time.perf_counter() - start > self._config.target:
      self._metrics.late.inc()
    taken = {"queue": 1e3 * reply.waited, **answer.milliseconds}
    found = answer._asdict() | {
      "beam": beam_name(reply.beam),
      "cached": False,
      "milliseconds": {k: round(v, 3) for k, v in taken.items()},
    }
    if self._cached and before:
      self._cached.keep(
        search, reply.beam, found, before=before, after=self._service.serving
      )
    return JSONResponse(found)

  def _search_request(self, body: BaseModel) -> SearchRequest:
    """The request of a body; its beam is left to the load where it may be."""
    config = self._service.config
    if config.multiples:
      search = search_request(body, config.beams)
      named = "beam" in body.model_fields_set
      return search if named else dataclasses.replace(search, beam=None)
    busy = self._batcher.waiting >= self._config.busy
    unnamed = self._narrowest_first if busy else ()
    return search_request(body, config.beams, unnamed=unnamed)

  async def _change(self, request: Request, body: ItemsBody) -> Response:
    return await self._changes.run(self._changed, body)

  def _changed(self, body: ItemsBody) -> Response:
    change = item_change(body)
    done = self._service.change(change)
    for kind, changed in change._asdict().items():
      self._metrics.changes.labels(kind).inc(len(changed))
    return JSONResponse(done)

  async def _item(self, request: Request) -> Response:
    found = self._service.item(request.path_params["item_id"])
    if found is None:
      raise HTTPException(404, "the catalogue has no such item.")
    return JSONResponse(found)

  async def _reload(self, request: Request) -> Response:
    if not self._config.token:
      raise HTTPException(403, "start the server with a token to allow this.")
    self._check_ready()
    return JSONResponse(await asyncio.to_thread(self._reload_service))

  async def _metrics_text(self, request: Request) -> Response:
    text = await self._scrapes.run(self._metrics.text)
    return Response(text, media_type="text/plain; version=0.0.4")

  async def _openapi(self, request: Request) -> Response:
    return Response(self._description, media_type="application/json")

  async def _health(self, request: Request) -> Response:
    return JSONResponse({"status": "alive"})

  async def _readiness(self, request: Request) -> Response:
    self._check_ready()
    if trouble := self._service.log_trouble:
      raise HTTPException(503, f"no change can be taken: {trouble}.")
    return JSONResponse({"status": "ready"})
