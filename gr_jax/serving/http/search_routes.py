"""The operations that search: one by one, in batches, and by an address."""

import asyncio
import dataclasses
import json
import time
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gr_jax.serving.beam_names import beam_name, narrowest_first
from gr_jax.serving.catalogue.service import Service
from gr_jax.serving.engine.batching import Batcher
from gr_jax.serving.http.answers import AnswerBody, AnswersBody
from gr_jax.serving.http.cached_answers import CachedAnswers
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.errors import refusal
from gr_jax.serving.http.http_body import BATCH
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.http.openapi import Operation
from gr_jax.serving.http.schemas import (
  SearchParameters,
  batch_bodies,
  search_bodies,
  search_request,
)
from gr_jax.serving.http.validation import validated
from gr_jax.serving.requests import Purchase, SearchRequest
from gr_jax.serving.users.user_events import UserEvents

_FULL_SEARCHES = 4  # Of the largest size, that one batch may fill.
_SEARCH = {"query": "whole milk", "k": 3}
_BASKET = {"history": [{"id": "A1", "days_ago": 7}, "A2"], "k": 3}


class SearchRoutes:
  """Handlers of searches.

  Args:
    service: what answers.
    batcher: the queue in front of it.
    config: the limits.
    metrics: the counters.
    cached: the answers that may be given again, if any.
    histories: what users did, for requests that name one and no history.

  Attributes:
    operations: their routes.
  """

  def __init__(
    self,
    service: Service,
    batcher: Batcher,
    config: HttpConfig,
    metrics: ServingMetrics,
    *,
    cached: CachedAnswers | None,
    histories: UserEvents,
  ):
    self._service, self._batcher = service, batcher
    self._config, self._metrics = config, metrics
    self._cached, self._histories = cached, histories
    beams = service.config.beams
    self._narrowest_first = narrowest_first(beams)
    bodies = search_bodies(beams)
    self._body = bodies["/search"]
    most = _FULL_SEARCHES * service.config.max_batch
    bodies |= batch_bodies(bodies, most=most)
    shared: dict[str, Any] = {
      "errors": ("504",),
      "answer": AnswerBody,
      "door": batcher.check_room,
      "tag": "search",
    }
    posted: dict[str, Any] = shared | {"method": "POST"}
    several: dict[str, Any] = posted | {"answer": AnswersBody, "limit": BATCH}
    self.operations = [
      Operation(
        "/search",
        self._search,
        "Items for a query.",
        name="search",
        body=bodies["/search"],
        example=_SEARCH,
        **posted,
      ),
      Operation(
        "/search",
        self._search_by_address,
        "Items for a query, as POST /search.",
        name="search_by_query",
        parameters=SearchParameters,
        example={"q": "whole milk", "k": 3},
        **shared,
      ),
      Operation(
        "/recommend",
        self._search,
        "Items for the next basket of a history, or of a user whose events "
        "were sent.",
        name="recommend",
        body=bodies["/recommend"],
        example=_BASKET,
        **posted,
      ),
      Operation(
        "/search/batch",
        self._batch,
        "Several searches; each has its answer, or its own refusal.",
        name="search_batch",
        body=bodies["/search/batch"],
        example={"requests": [_SEARCH, {"query": "bread"}]},
        **several,
      ),
      Operation(
        "/recommend/batch",
        self._batch,
        "Several recommendations; each has its answer, or its own refusal.",
        name="recommend_batch",
        body=bodies["/recommend/batch"],
        example={"requests": [_BASKET]},
        **several,
      ),
    ]

  async def _search(self, request: Request, body: BaseModel) -> Response:
    return _json(await self._answer(body))

  async def _search_by_address(
    self, request: Request, parameters: SearchParameters
  ) -> Response:
    body = validated(
      self._body, parameters.body(), whole="the query string as a body"
    )
    return _json(await self._answer(body))

  async def _batch(self, request: Request, body: Any) -> Response:
    found = await asyncio.gather(*map(self._alone, body.requests))
    return _json(b'{"answers":[' + b",".join(found) + b"]}")

  async def _alone(self, body: BaseModel) -> bytes:
    try:
      return await self._answer(body)
    except Exception as error:
      refused = refusal(error)
      if refused is None:
        raise
      text = json.loads(bytes(refused.body))
      return _bytes(text | {"status": refused.status_code})

  async def _answer(self, body: BaseModel) -> bytes:
    start = time.perf_counter()
    search = self._search_request(body)
    before = self._service.serving if self._cached else None
    if self._cached and before:
      named = (search.beam,) if search.beam is not None else ()
      beams = named or self._batcher.allowed
      if found := self._cached.find(search, before, beams):
        return found
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
    return _bytes(found)

  def _search_request(self, body: BaseModel) -> SearchRequest:
    """The request of a body; its beam is left to the load where it may be."""
    config = self._service.config
    said = body.model_fields_set
    # The pages of one ranking need one beam.
    fixed = "beam" in said or "offset" in said
    busy = self._batcher.waiting >= self._config.busy
    choice = busy and not (fixed or config.multiples)
    unnamed = self._narrowest_first if choice else ()
    search = search_request(body, config.beams, unnamed=unnamed)
    if config.multiples and not fixed:
      search = dataclasses.replace(search, beam=None)
    user_id = search.profile.user_id
    if user_id is None or "history" in said:
      return search
    return dataclasses.replace(search, history=self._history(user_id))

  def _history(self, user_id: str) -> tuple[Purchase, ...]:
    """What was sent of a user, as a request would have it."""
    now = time.time()
    return tuple(
      Purchase(id=each.item_id, days_ago=max(0.0, now - each.time) / 86_400)
      for each in self._histories.of(user_id)
    )


def _bytes(found: dict[str, Any]) -> bytes:
  text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
  return text.encode()


def _json(found: bytes) -> Response:
  return Response(found, media_type="application/json")
