"""Puts a ranker behind HTTP, from the start of its process to the end."""

import asyncio
import contextlib
import pathlib
import threading
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette

from gr_jax.ranking.ranker import Ranker
from gr_jax.serving.http.application import application
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.event_routes import EventRoutes
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.http.routes import Routes
from gr_jax.serving.ranking.rank_routes import RankRoutes
from gr_jax.serving.ranking.user_states import UserStates
from gr_jax.serving.users.histories import SUFFIX, Histories


class RankerServer:
  """The application, and its start and end.

  Args:
    ranker: a loaded one; it is warmed in the background.
    config: the limits; states of users are kept in `cache_bytes`.
    log: events are kept beside it.
    on_ready: called once the programs are compiled and requests are taken.
    on_failure: called with the error that kept the server from being ready.

  Attributes:
    app: the ASGI application.
  """

  def __init__(
    self,
    ranker: Ranker,
    config: HttpConfig,
    *,
    log: pathlib.Path,
    on_ready: Callable[[], None] = lambda: None,
    on_failure: Callable[[BaseException], None] = lambda error: None,
  ):
    self._ranker = ranker
    self._on_ready, self._on_failure = on_ready, on_failure
    self._doing: str | None = "starting"
    self._metrics = ServingMetrics()
    self._events = Histories(log.with_name(log.name + SUFFIX))
    self._states = UserStates(ranker, self._events, most=config.cache_bytes)
    self._watch()
    routes = Routes(
      [
        *RankRoutes(ranker, self._states, config).operations,
        *EventRoutes(ranker.knows, self._events).operations,
      ],
      config,
      self._metrics,
      unavailable=lambda: self._doing,
      trouble=lambda: self._events.trouble,
    )
    self.app = application(
      routes, config, self._metrics, lifespan=self._lifespan
    )

  def _watch(self) -> None:
    watch, states = self._metrics.watch, self._states
    watch("state_bytes", "Bytes of users' states.", lambda: states.size)
    watch("state_hits", "Requests whose state was kept.", lambda: states.hits)
    watch("state_misses", "Users that were encoded.", lambda: states.misses)
    watch("events", "Events kept of users.", lambda: self._events.size)
    watch("ready", "1 while requests are taken.", lambda: not self._doing)

  @contextlib.asynccontextmanager
  async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
    threading.Thread(target=self._warm, name="warm", daemon=True).start()
    yield
    self._doing = "stopping"
    await asyncio.to_thread(self._events.close)

  def _warm(self) -> None:
    try:
      self._ranker.warm()
    except BaseException as error:
      self._on_failure(error)
      return
    if self._doing == "starting":
      self._doing = None
    self._on_ready()
