"""Puts a service behind HTTP, from the start of its process to the end."""

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from gr_jax.decoding.beams import answer_size
from gr_jax.serving.catalogue.service import Busy, Service
from gr_jax.serving.engine.adaptive_beams import AdaptiveBeams
from gr_jax.serving.engine.batching import Batcher
from gr_jax.serving.engine.result_cache import ResultCache
from gr_jax.serving.http.api import Api
from gr_jax.serving.http.application import application
from gr_jax.serving.http.cached_answers import CachedAnswers
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.http.tokens import Tokens
from gr_jax.serving.http.turns import Turns
from gr_jax.serving.page.routes import PageRoutes
from gr_jax.serving.users.histories import SUFFIX, Histories


class Server:
  """The application, its queue, and its start, reload and end.

  Args:
    service: a loaded one; it is warmed in the background, and closed at the
      end.
    config: the limits.
    on_ready: called once every program is compiled and requests are taken.
    on_failure: called with the error that kept the server from being ready.
    on_loaded: called before the first request is taken, and once more when all
      is loaded that only some requests need.

  Attributes:
    app: the ASGI application.
    batcher: the queue of searches.
  """

  def __init__(
    self,
    service: Service,
    config: HttpConfig,
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_failure: Callable[[BaseException], None] = lambda error: None,
    on_loaded: Callable[[], None] = lambda: None,
  ):
    self._service = service
    self._on_ready, self._on_failure = on_ready, on_failure
    self._on_loaded = on_loaded
    self._doing: str | None = "starting"
    self._metrics = ServingMetrics()
    adaptive = _adaptive(service, config)
    self.batcher = Batcher(
      self._metrics.counted(service.answer),
      sizes=service.serving.engine.sizes,
      deadline=config.deadline,
      capacity=config.queue,
      timeout=config.timeout,
      adaptive=adaptive,
    )
    log = service.config.log
    self._histories = Histories(log.with_name(log.name + SUFFIX))
    self._watch(adaptive)
    self._page = PageRoutes(
      service,
      self.batcher,
      timeout=config.timeout,
      tokens=Tokens(config.token, config.read_token),
    )
    api = Api(
      service,
      self.batcher,
      config,
      self._metrics,
      histories=self._histories,
      cached=self._cached(config),
      unavailable=lambda: self._doing,
      reload=self.reload,
      # First: an item's id may hold slashes.
      more=self._page.operations,
    )
    self.app = application(
      api,
      config,
      self._metrics,
      lifespan=self._lifespan,
      middleware=[Middleware(Turns, searches=api.searches)],
    )

  def _cached(self, config: HttpConfig) -> CachedAnswers | None:
    if not config.cache_seconds:
      return None
    counted = self._metrics.cache
    cache = ResultCache(
      seconds=config.cache_seconds,
      most=config.cache_bytes,
      on_event=lambda event: counted.labels(event).inc(),
    )
    self._metrics.watch(
      "cache_bytes", "Bytes of the answers kept.", lambda: cache.size
    )
    return CachedAnswers(cache)

  def _watch(self, adaptive: AdaptiveBeams | None) -> None:
    watch, service = self._metrics.watch, self._service
    if adaptive:
      watch(
        "adaptive_beam",
        "IDs kept by the beam that the load allowed last.",
        lambda: answer_size(adaptive.beam),
      )
    watch("queue_length", "Requests that wait.", lambda: self.batcher.waiting)
    watch(
      "catalogue_version",
      "Version being served.",
      lambda: service.serving.snapshot.version,
    )
    watch(
      "catalogue_ids",
      "Semantic IDs in the search.",
      lambda: service.serving.snapshot.live.num_ids,
    )
    watch(
      "catalogue_items",
      "Items that can be answered.",
      lambda: int(service.serving.snapshot.items.shown.sum()),
    )
    watch("programs", "Compiled searches.", lambda: service.programs)
    watch("log_records", "Changes on disk.", lambda: service.log_records)
    watch("log_bytes", "Bytes of the log.", lambda: service.log_bytes)
    watch("events", "Events kept of users.", lambda: self._histories.size)
    watch("room_left", "New IDs that fit.", lambda: service.room_left)
    watch("ready", "1 while requests are taken.", lambda: not self._doing)

  def reload(self) -> dict[str, Any]:
    """Reloads as `Service.reload` does, counts it and says what came of it.

    Returns:
      The `version` of the catalogue, and the `model` that is served now, the
      name of the run's version.

    Raises:
      HTTPException: the artefacts there cannot be served; the old ones go on.
      Busy: another reload is under way.
    """
    programs = self._service.programs
    try:
      version = self._service.reload()
    except (OSError, ValueError, TypeError, RuntimeError) as error:
      self._metrics.reloads.labels("refused").inc()
      _say(f"not reloaded: {error}")
      raise HTTPException(409, f"not reloaded: {error}") from error
    self._metrics.reloads.labels("done").inc()
    model = self._service.serving.engine.artefacts.version
    new = self._service.programs - programs
    _say(
      f"serving version {version} of the catalogue, model {model}"
      + (f", by {new} programs compiled for it." if new else ".")
    )
    return {"version": version, "model": model}

  @contextlib.asynccontextmanager
  async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
    warming = threading.Thread(target=self._warm, name="warm", daemon=True)
    warming.start()
    if threading.current_thread() is threading.main_thread():
      asyncio.get_running_loop().add_signal_handler(
        signal.SIGHUP, self._reload_in_background
      )
    yield
    self._doing = "stopping"
    await asyncio.to_thread(self.batcher.close)
    await asyncio.to_thread(self._histories.close)
    await asyncio.to_thread(self._service.close)

  def _warm(self) -> None:
    try:
      self._service.warm()
      self._on_loaded()
    except BaseException as error:
      self._on_failure(error)
      return
    if self._doing == "starting":
      self._doing = None
    self._on_ready()
    with contextlib.suppress(Exception):
      # The first request that needs it gets the error.
      engine, encoder, _ = self._service.serving
      encoder.prepare()
      engine.artefacts.vocabulary.known_words.prepare()
      self._page.prepare()
      self._on_loaded()

  def _reload_in_background(self) -> None:
    def reload() -> None:
      try:
        # It says itself why not.
        with contextlib.suppress(HTTPException):
          self.reload()
      except Busy:
        _say("one is under way already.")

    threading.Thread(target=reload, name="reload", daemon=True).start()


def _say(text: str) -> None:
  print(f"reload: {text}", file=sys.stderr, flush=True)


def _adaptive(service: Service, config: HttpConfig) -> AdaptiveBeams | None:
  """The choice of beams by load, of a service that has several for it."""
  engine = service.serving.engine
  if not engine.adaptive:
    return None
  return AdaptiveBeams(
    engine.adaptive,
    levels=service.serving.snapshot.items.semantic_ids.num_levels,
    target=config.target,
    sizes=engine.sizes,
    start=engine.adaptive.index(engine.beams[0]),
  )
