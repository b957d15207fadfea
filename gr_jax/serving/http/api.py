"""The operations of a server that retrieves."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gr_jax.serving.catalogue.service import Service
from gr_jax.serving.engine.batching import Batcher
from gr_jax.serving.http.answers import ReloadedBody
from gr_jax.serving.http.cached_answers import CachedAnswers
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.event_routes import EventRoutes
from gr_jax.serving.http.item_routes import ItemRoutes
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.http.openapi import Operation
from gr_jax.serving.http.routes import Routes
from gr_jax.serving.http.search_routes import SearchRoutes
from gr_jax.serving.users.user_events import UserEvents


class Api(Routes):
  """The handlers over a service.

  Args:
    service: answers and changes.
    batcher: the queue of searches.
    config: the limits.
    metrics: the counters.
    histories: what users did.
    cached: the answers that may be given again, if any.
    unavailable: returns what the server is doing instead of serving, if so.
    reload: does what `Service.reload` does; returns the answer to it.
    more: operations that come before these.

  Attributes:
    searches: the method and path of the operations that search.
  """

  def __init__(
    self,
    service: Service,
    batcher: Batcher,
    config: HttpConfig,
    metrics: ServingMetrics,
    *,
    histories: UserEvents,
    cached: CachedAnswers | None = None,
    unavailable: Callable[[], str | None],
    reload: Callable[[], dict[str, Any]],
    more: Sequence[Operation] = (),
  ):
    self._config, self._reload_service = config, reload
    searching = SearchRoutes(
      service, batcher, config, metrics, cached=cached, histories=histories
    )

    def has(item_id: str) -> bool:
      return service.serving.snapshot.items.row(item_id) >= 0

    super().__init__(
      [
        *more,
        *searching.operations,
        *ItemRoutes(service, config, metrics).operations,
        *EventRoutes(has, histories).operations,
        self._reloading(),
      ],
      config,
      metrics,
      unavailable=unavailable,
      trouble=lambda: service.log_trouble or histories.trouble,
    )
    self.searches = frozenset(
      (each.method, each.path) for each in searching.operations
    )

  def _reloading(self) -> Operation:
    return Operation(
      "/admin/reload",
      self._reload,
      "Serves the artefacts that lie in the folder now.",
      name="reload",
      method="POST",
      errors=("409", "503"),
      answer=ReloadedBody,
      access="change",
    )

  async def _reload(self, request: Request) -> Response:
    if not self._config.token:
      raise HTTPException(403, "start the server with a token to allow this.")
    return JSONResponse(await asyncio.to_thread(self._reload_service))
