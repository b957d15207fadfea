"""The page for people, and what it asks for beside the API."""

import asyncio
import concurrent.futures
import pathlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gr_jax.serving.catalogue.service import Busy, Service
from gr_jax.serving.engine.batching import Batcher
from gr_jax.serving.http.fields import Invalid, Record, Text
from gr_jax.serving.http.http_body import Refused
from gr_jax.serving.http.search_request import Filters, SearchRequest, question
from gr_jax.serving.page.browse import children, neighbours
from gr_jax.serving.page.explain import explain
from gr_jax.serving.page.lookup import (
  example_shoppers,
  find_categories,
  find_items,
)
from gr_jax.serving.page.page_openapi import PREFIX, explain_record

PAGE = pathlib.Path(__file__).parent / "static"
TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
}
# The page shows what shoppers typed and shops wrote: no foreign script, frame
# or address has a place in it.
HEADERS = {
  "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
  "style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
  "form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
}
_CHILDREN, _FOUND, _NEIGHBOURS = 50, 12, 24
_FIND = Text(200)


class MakeRoute(Protocol):
  """A route whose errors are the server's."""

  def __call__(
    self,
    path: str,
    handler: Callable[[Request], Awaitable[Response]],
    method: str,
    /,
    *,
    guarded: bool = True,
  ) -> Route: ...


class PageRoutes:
  """Routes of the page; put `routes` before `/items/{item_id:path}`.

  Args:
    service: what is served.
    batcher: that answers questions.
    timeout: seconds until an answer is too late.
    route: makes a route.
    body: reads and checks a body.
  """

  def __init__(
    self,
    service: Service,
    batcher: Batcher,
    *,
    timeout: float,
    route: MakeRoute,
    body: Callable[[Request, Record], Awaitable[dict]],
  ):
    self._service, self._batcher = service, batcher
    self._timeout, self._body = timeout, body
    self._record = explain_record(service.config.beams)
    self._files = {
      path.name: (path.read_bytes(), TYPES[path.suffix])
      for path in PAGE.iterdir()
      if path.suffix in TYPES
    }
    # Explanations come one by one: searches have the other cores.
    self._explaining = concurrent.futures.ThreadPoolExecutor(1, "explain")
    self.routes = [
      route("/", self._index, "GET", guarded=False),
      route("/page/{name}", self._file, "GET", guarded=False),
      route("/catalogue", self._catalogue, "GET"),
      route("/tree", self._tree, "GET"),
      route("/find", self._find, "GET"),
      route("/items/{item_id:path}/neighbours", self._neighbours, "GET"),
      route("/explain", self._explain, "POST"),
    ]

  def prepare(self) -> None:
    """Compiles what explanations need."""
    beam = self._service.config.beams[0]
    asked = SearchRequest(None, (), None, (), Filters(), 1, beam)
    (answer,) = self._service.answer([asked])
    self._explaining.submit(
      explain, asked, answer.items, self._service.serving
    ).result()

  async def _index(self, request: Request) -> Response:
    return self._sent("index.html")

  async def _file(self, request: Request) -> Response:
    name = request.path_params["name"]
    if name not in self._files:
      raise Refused(404, "the page has no such file.")
    return self._sent(name)

  def _sent(self, name: str) -> Response:
    content, media_type = self._files[name]
    return Response(content, media_type=media_type, headers=HEADERS)

  async def _catalogue(self, request: Request) -> Response:
    return JSONResponse(await asyncio.to_thread(self._about))

  def _about(self) -> dict[str, Any]:
    engine, _, snapshot = self._service.serving
    facts: dict[str, list[str]] = {}
    for fact in engine.artefacts.vocabulary.facts:
      field, _, value = fact.partition("=")
      facts.setdefault(field, []).append(value)
    return {
      "version": snapshot.version,
      "items": int(snapshot.items.present.sum()),
      "ids": snapshot.live.num_ids,
      "level_sizes": list(snapshot.live.level_sizes),
      "beams": list(engine.beams),
      "facts": facts,
      "shoppers": example_shoppers(snapshot, count=5, purchases=6),
    }

  async def _tree(self, request: Request) -> Response:
    prefix = _prefix(request.query_params.get("prefix", ""))
    offset = _whole(request.query_params.get("offset", "0"))
    snapshot = self._service.serving.snapshot
    found = await asyncio.to_thread(
      children, snapshot, prefix, offset=offset, limit=_CHILDREN
    )
    if found is None:
      raise Refused(404, "no ID of the catalogue begins with this prefix.")
    return JSONResponse(found)

  async def _find(self, request: Request) -> Response:
    text = _FIND.check(request.query_params.get("text", ""), "text")
    snapshot = self._service.serving.snapshot
    return JSONResponse(
      {
        "items": await asyncio.to_thread(
          find_items, snapshot, text, limit=_FOUND
        ),
        "categories": find_categories(snapshot, text, limit=_FOUND),
      }
    )

  async def _neighbours(self, request: Request) -> Response:
    snapshot = self._service.serving.snapshot
    items = snapshot.items
    row = items.row(request.path_params["item_id"])
    if row < 0 or not items.present[row]:
      raise Refused(404, "the catalogue has no such item.")
    found = await asyncio.to_thread(
      neighbours, snapshot, row, limit=_NEIGHBOURS
    )
    return JSONResponse({"item": items.record(row), "neighbours": found})

  async def _explain(self, request: Request) -> Response:
    body = await self._body(request, self._record)
    asked = question(
      body, beams=self._service.config.beams, query=body.get("query")
    )
    before = self._service.serving
    future = asyncio.wrap_future(self._batcher.submit(asked))
    reply = await asyncio.wait_for(future, self._timeout)
    serving = self._service.serving
    if serving.engine is not before.engine:
      raise Busy  # The codes may be of the model before.
    answer = reply.answer._asdict()
    # One that nobody waits for any more leaves the queue.
    explained = self._explaining.submit(
      explain, asked, answer["items"], serving
    )
    answer["prefixes"] = await asyncio.wait_for(
      asyncio.wrap_future(explained), self._timeout
    )
    items = serving.snapshot.items
    for item in answer["items"]:
      item |= items.record(items.row(item["id"]))
    return JSONResponse(answer)


def _prefix(text: str) -> tuple[int, ...]:
  if not re.fullmatch(PREFIX, text, re.ASCII):
    raise Invalid("prefix must be codes with commas between, as in 3,7.")
  return tuple(int(code) for code in text.split(",")) if text else ()


def _whole(text: str) -> int:
  if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
    raise Invalid("offset must be a whole number.")
  return int(text)
