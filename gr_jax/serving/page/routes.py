"""The page for people, and the operations that it needs beside the API."""

import asyncio
import concurrent.futures
import functools
import pathlib
import re
import threading
import weakref
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gr_jax.serving.beam_names import beam_name
from gr_jax.serving.catalogue.service import Busy, Service
from gr_jax.serving.engine.batching import Batcher
from gr_jax.serving.http.lane import Lane
from gr_jax.serving.http.openapi import Operation
from gr_jax.serving.http.schemas import search_bodies, search_request
from gr_jax.serving.http.tokens import Tokens
from gr_jax.serving.page.answers import (
  AboutBody,
  ExplainedBody,
  FoundLists,
  NeighboursBody,
  TreeNode,
)
from gr_jax.serving.page.browse import children, neighbours
from gr_jax.serving.page.examples import example_queries, example_shoppers
from gr_jax.serving.page.explain import explain
from gr_jax.serving.page.lookup import find_categories, find_items
from gr_jax.serving.requests import Invalid, Name, SearchRequest

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
_PREFIX = "(-?[0-9]{1,9}(,-?[0-9]{1,9}){0,31})?"


def _codes(text: str) -> str:
  if not re.fullmatch(_PREFIX, text, re.ASCII):
    raise PydanticCustomError(
      "codes", "must be codes with commas between, as in 3,7"
    )
  return text


class TreeParameters(BaseModel):
  """A node of the catalogue's tree, and how many children to leave out."""

  prefix: Annotated[
    str,
    AfterValidator(_codes),
    Field(json_schema_extra={"pattern": f"^{_PREFIX}$", "examples": ["3,7"]}),
  ] = ""
  offset: Annotated[int, Field(ge=0, le=999_999_999)] = 0


class FindParameters(BaseModel):
  """Words of an item or a category."""

  text: Name


class PageRoutes:
  """Operations of the page; put them before `/items/{item_id:path}`.

  Args:
    service: what is served.
    batcher: the queue of searches.
    timeout: seconds until an answer is too late.
    tokens: tell whether a reader may change the catalogue.
  """

  def __init__(
    self, service: Service, batcher: Batcher, *, timeout: float, tokens: Tokens
  ):
    self._service, self._batcher = service, batcher
    self._timeout, self._tokens = timeout, tokens
    self._files = {
      path.name: (path.read_bytes(), TYPES[path.suffix])
      for path in PAGE.iterdir()
      if path.suffix in TYPES
    }
    # Explanations come one by one: searches have the other cores.
    self._explaining = Lane("explain", rest=1.0, timeout=timeout)
    self._reading = Lane("read", rest=4.0, timeout=timeout)
    self._compiling = threading.Lock()
    self._compiled: tuple[Any, concurrent.futures.Future] | None = None
    self.operations = [
      Operation("/", self._file, access="open"),
      Operation("/page/{name}", self._file, access="open"),
      Operation(
        "/catalogue",
        self._catalogue,
        "Sizes, beams, facts, examples, and what the token may do.",
        name="catalogue",
        tag="catalogue",
        answer=AboutBody,
        errors=("504",),
        door=self._reading.check_room,
      ),
      Operation(
        "/tree",
        self._tree,
        "The children of a prefix of codes, most bought first.",
        name="tree",
        tag="catalogue",
        answer=TreeNode,
        example={"prefix": "3,7"},
        errors=("404", "504"),
        parameters=TreeParameters,
        door=self._reading.check_room,
      ),
      Operation(
        "/find",
        self._find,
        "Items and categories by words.",
        name="find",
        tag="catalogue",
        answer=FoundLists,
        example={"text": "milk"},
        errors=("504",),
        parameters=FindParameters,
        door=self._reading.check_room,
      ),
      Operation(
        "/items/{item_id:path}/neighbours",
        self._neighbours,
        "Items whose IDs begin as the item's own.",
        name="item_neighbours",
        tag="items",
        answer=NeighboursBody,
        errors=("404", "429", "504"),
      ),
      Operation(
        "/explain",
        self._explain,
        "Items, and the probabilities of their codes.",
        name="explain",
        tag="search",
        answer=ExplainedBody,
        example={"query": "whole milk", "k": 3},
        method="POST",
        errors=("504",),
        door=batcher.check_room,
        body=search_bodies(service.config.beams)["/explain"],
      ),
    ]

  def prepare(self) -> None:
    """Compiles what explanations need."""
    self._preparation().result()

  def _preparation(self) -> concurrent.futures.Future:
    """The compilation for the engine that serves, begun if nobody has."""
    engine = self._service.serving.engine
    with self._compiling:
      if self._compiled is None or self._compiled[0]() is not engine:
        # A weak reference: an engine that was replaced is let go.
        future = self._explaining.submit(self._compile)
        self._compiled = weakref.ref(engine), future
      return self._compiled[1]

  def _compile(self) -> None:
    beam = self._service.config.beams[0]
    search = SearchRequest(beam, 1)
    (answer,) = self._service.answer([search])
    assert not isinstance(answer, Invalid)
    explain(search, answer.items, self._service.serving)

  async def _file(self, request: Request) -> Response:
    name = request.path_params.get("name", "index.html")
    if name not in self._files:
      raise HTTPException(404, "the page has no such file.")
    content, media_type = self._files[name]
    return Response(content, media_type=media_type, headers=HEADERS)

  async def _catalogue(self, request: Request) -> Response:
    about = await self._reading.run(self._about)
    may_change = self._tokens.allows(request, "change")
    return JSONResponse(about | {"may_change": may_change})

  def _about(self) -> dict[str, Any]:
    engine, _, snapshot = self._service.serving
    artefacts = engine.artefacts
    words = artefacts.vocabulary.words
    facts: dict[str, list[str]] = {}
    for fact in artefacts.vocabulary.facts:
      field, _, value = fact.partition("=")
      facts.setdefault(field, []).append(value)
    return {
      "version": snapshot.version,
      "items": int(snapshot.items.present.sum()),
      "ids": snapshot.live.num_ids,
      "level_sizes": list(snapshot.live.level_sizes),
      "beams": list(map(beam_name, self._service.config.beams)),
      "facts": facts,
      "reads_queries": bool(words),
      "needs_vectors": artefacts.stored_vectors,
      "category_depth": snapshot.items.categories.shape[1],
      "queries": example_queries(snapshot, words, count=8),
      "shoppers": example_shoppers(snapshot, count=5, purchases=6),
    }

  async def _tree(self, request: Request, node: TreeParameters) -> Response:
    prefix = tuple(map(int, node.prefix.split(","))) if node.prefix else ()
    snapshot = self._service.serving.snapshot
    found = await self._reading.run(
      functools.partial(
        children, snapshot, prefix, offset=node.offset, limit=_CHILDREN
      )
    )
    if found is None:
      raise HTTPException(
        404, "no ID of the catalogue begins with this prefix."
      )
    return JSONResponse(found)

  async def _find(self, request: Request, words: FindParameters) -> Response:
    return JSONResponse(await self._reading.run(self._found, words.text))

  def _found(self, text: str) -> dict[str, Any]:
    snapshot = self._service.serving.snapshot
    return {
      "items": find_items(snapshot, text, limit=_FOUND),
      "categories": find_categories(snapshot, text, limit=_FOUND),
    }

  async def _neighbours(self, request: Request) -> Response:
    snapshot = self._service.serving.snapshot
    items = snapshot.items
    row = items.row(request.path_params["item_id"])
    if row < 0 or not items.present[row]:
      raise HTTPException(404, "the catalogue has no such item.")
    found = await self._reading.run(
      functools.partial(neighbours, snapshot, row, limit=_NEIGHBOURS)
    )
    return JSONResponse({"item": items.record(row), "neighbours": found})

  async def _explain(self, request: Request, body: BaseModel) -> Response:
    search = search_request(body, self._service.config.beams)
    # No part of the time that an answer may take; an error of it comes again.
    await asyncio.wait([asyncio.wrap_future(self._preparation())])
    before = self._service.serving
    future = asyncio.wrap_future(self._batcher.submit(search))
    reply = await asyncio.wait_for(future, self._timeout)
    serving = self._service.serving
    if serving.engine is not before.engine:
      raise Busy  # The codes may be of the model before.
    answer = reply.answer._asdict()
    answer["prefixes"] = await self._explaining.run(
      explain, search, answer["items"], serving
    )
    items = serving.snapshot.items
    for item in answer["items"]:
      item |= items.record(items.row(item["id"]))
    return JSONResponse(answer)
