"""The ASGI application of a server: its routes behind what guards them all."""

from collections.abc import Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from gr_jax.serving.http.admission import Admission
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.errors import bug, http_error
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.http.routes import Routes
from gr_jax.serving.http.site_guard import SiteGuard, cors


def application(
  routes: Routes,
  config: HttpConfig,
  metrics: ServingMetrics,
  *,
  lifespan: Callable[[Starlette], Any],
  middleware: Sequence[Middleware] = (),
) -> Starlette:
  """Routes behind the guard of sites and the refusal at the door.

  Args:
    routes: those of the server.
    config: the names and origins that may come.
    metrics: count what is refused.
    lifespan: begins and ends the server.
    middleware: what stands between guard and door.
  """
  refused = metrics.requests
  at_doors = {path: refused.labels(path, 429).inc for _, path in routes.doors}
  handlers: dict[Any, Any] = {HTTPException: http_error, Exception: bug}
  return Starlette(
    routes=routes.routes,
    lifespan=lifespan,
    middleware=[
      Middleware(
        SiteGuard,
        hosts=config.hosts,
        origins=config.origins,
        on_refusal=lambda status: refused.labels("", status).inc(),
      ),
      *cors(config.origins),
      *middleware,
      Middleware(
        Admission,
        doors=routes.doors,
        on_refusal=lambda path: at_doors[path](),
      ),
    ],
    exception_handlers=handlers,
  )
