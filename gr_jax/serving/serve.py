"""A finished run behind HTTP, in this process, until it is stopped."""

import contextlib
import dataclasses
import math
import pathlib
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import jax
import uvicorn
from starlette.types import ASGIApp

from gr_jax.decoding.beams import BeamSize
from gr_jax.parallel import start
from gr_jax.parallel.mesh import MeshConfig
from gr_jax.ranking.ranker_files import is_ranker, load_ranker
from gr_jax.retrieval.weights import summary
from gr_jax.serving import listening
from gr_jax.serving.catalogue.generation import ServiceConfig
from gr_jax.serving.catalogue.item_log import read_changes
from gr_jax.serving.catalogue.service import Service
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.connections import bounded_protocol
from gr_jax.serving.http.server import Server
from gr_jax.serving.http.site_guard import cors
from gr_jax.serving.http.tokens import Tokens
from gr_jax.serving.long_lived import keep_what_is_there, turns_of
from gr_jax.serving.ranking.server import RankerServer

_DEFAULT = HttpConfig()
_TURN = 5e-4  # Seconds.


def serve(
  artefacts: str | pathlib.Path,
  *,
  host: str = "127.0.0.1",
  port: int = 8000,
  beams: tuple[BeamSize, ...] = (50,),
  multiples: tuple[float, ...] = (),
  max_batch: int = 16,
  room: int = 8192,
  remembered: int | None = None,
  log: pathlib.Path | None = None,
  mesh: MeshConfig | None = None,
  weights: str = "",
  limits: HttpConfig = _DEFAULT,
  insecure: bool = False,
  started: float | None = None,
) -> None:
  """Serves the run in a folder until a signal stops the process.

  Args:
    artefacts: the workdir of the run.
    host: the address to listen on.
    port: its port, 0 for a free one.
    beams: the beams that a request may name, the default first: each a number
      of IDs, or one for every level.
    multiples: widths that follow the load, as multiples of the default beam's.
    max_batch: the most requests of one search.
    room: the number of new semantic IDs that fit beside those of the run.
    remembered: removed items that keep their IDs when there is no room left,
      the latest; None = a quarter of the room.
    log: the file that keeps added and removed items; by default one beside
      the folder, so that it outlives a folder that is replaced.
    mesh: the numbers of devices that search together; None = one device.
    weights: the format of the kernels, one of `retrieval.weights.WEIGHTS`; "" =
      as they were trained.
    limits: the limits of what is accepted over HTTP.
    insecure: whether other machines may come without a token: something in
      front asks who they are.
    started: the `time.monotonic` at which the process began, for the log.

  Raises:
    FileNotFoundError, ValueError, OSError: the run or the log cannot be read,
      a search cannot be compiled, the address is not free, or other machines
      would need no token.
  """
  begun = time.monotonic() if started is None else started
  artefacts = pathlib.Path(artefacts)
  log = (log or _log_beside(artefacts)).absolute()
  Tokens(limits.token, limits.read_token)
  cors(limits.origins)
  with listening.bound(host, port) as taken, _leaves_no_empty_log(log):
    if not (listening.is_loopback(taken) or limits.token or insecure):
      raise ValueError(
        f"--host={host} lets other machines in, and there is no token: set "
        "GR_JAX_TOKEN or --token-file, or --insecure where something in front "
        "asks who comes."
      )
    # Before JAX starts: its CPU client allocates at once.
    start.start()
    names = (*limits.hosts, host)
    limits = dataclasses.replace(limits, hosts=names)
    if is_ranker(artefacts):
      ranker = load_ranker(artefacts)
      _say(f"{artefacts} is loaded, the run of a ranker; warming up")
      _run(
        lambda **calls: RankerServer(ranker, limits, log=log, **calls).app,
        limits,
        taken,
        begun,
      )
      return
    service = Service(
      ServiceConfig(
        artefacts=artefacts,
        log=log,
        beams=beams,
        multiples=multiples,
        max_batch=max_batch,
        room=room,
        remembered=remembered,
        programs=_programs(),
        mesh=mesh,
        weights=weights,
      )
    )
    if service.quantized:
      _say(summary(service.quantized))
    _say(f"{artefacts} is loaded; warming up")
    _run(
      lambda **calls: (
        Server(service, limits, on_loaded=keep_what_is_there, **calls).app
      ),
      limits,
      taken,
      begun,
    )


def _run(
  make: Callable[..., ASGIApp],
  limits: HttpConfig,
  taken: socket.socket,
  begun: float,
) -> None:
  """Answers on a socket until a signal comes or the warm-up fails.

  Args:
    make: the application, of what it calls once it is ready or has failed.
    limits: those of connections.
    taken: the socket.
    begun: the `time.monotonic` at which the process began.
  """
  failures: list[BaseException] = []
  where = listening.url(taken)

  def ready() -> None:
    while not http.started:  # It listens a moment after the warm-up begins.
      time.sleep(0.01)
    _say(f"ready on {where} after {time.monotonic() - begun:.1f} s")

  def failed(error: BaseException) -> None:
    failures.append(error)
    http.should_exit = True

  http = uvicorn.Server(
    uvicorn.Config(
      make(on_ready=ready, on_failure=failed),
      http=bounded_protocol(
        header_timeout=limits.header_timeout,
        keep_alive=limits.keep_alive,
        most=limits.max_connections,
      ),
      ws="none",
      log_level="warning",
      server_header=False,
      timeout_keep_alive=math.ceil(limits.keep_alive),
      timeout_graceful_shutdown=int(limits.timeout) + 1,
    )
  )
  with _ends_in_order(), turns_of(_TURN):
    http.run(sockets=[taken])
  if failures:
    raise failures[0]


@contextlib.contextmanager
def _ends_in_order() -> Iterator[None]:
  """Goes on after a signal that has stopped the server.

  uvicorn sends itself that signal once more when it is done, and the process
  would end by it instead of with its own exit code.
  """
  if threading.current_thread() is not threading.main_thread():
    yield
    return
  before = {
    each: signal.signal(each, lambda *_: None)
    for each in (signal.SIGINT, signal.SIGTERM)
  }
  try:
    yield
  finally:
    for each, handler in before.items():
      signal.signal(each, handler)


@contextlib.contextmanager
def _leaves_no_empty_log(log: pathlib.Path) -> Iterator[None]:
  """Removes what a start that fails has made beside the run."""

  def files() -> set[pathlib.Path]:
    beside = log.parent
    every = beside.iterdir() if beside.is_dir() else ()
    return {path for path in every if path.name.startswith(log.name)}

  before = files()
  try:
    yield
  except BaseException:
    new = files() - before
    if log in new and not any(read_changes(log)):
      for path in new:
        path.unlink()
    raise


def _programs() -> pathlib.Path | None:
  """The folder of compiled searches, beside JAX's own cache."""
  cache = jax.config.values["jax_compilation_cache_dir"]
  return pathlib.Path(cache) / "searches" if cache else None


def _log_beside(artefacts: pathlib.Path) -> pathlib.Path:
  path = artefacts.absolute()
  return path.with_name(f"{path.name}.items.log")


def _say(text: str) -> None:
  print(f"serve: {text}", file=sys.stderr, flush=True)
