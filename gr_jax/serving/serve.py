"""A finished run behind HTTP, in this process, until it is stopped."""

import pathlib
import sys
import time

import jax
import uvicorn

from gr_jax.decoding.beams import BeamSize
from gr_jax.parallel import start
from gr_jax.parallel.mesh import MeshConfig
from gr_jax.retrieval.weights import summary
from gr_jax.serving.catalogue.generation import ServiceConfig
from gr_jax.serving.catalogue.service import Service
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.server import Server
from gr_jax.serving.long_lived import keep_what_is_there

_DEFAULT = HttpConfig()


def serve(
  artefacts: str | pathlib.Path,
  *,
  host: str = "127.0.0.1",
  port: int = 8000,
  beams: tuple[BeamSize, ...] = (50,),
  multiples: tuple[float, ...] = (),
  max_batch: int = 16,
  room: int = 8192,
  log: pathlib.Path | None = None,
  mesh: MeshConfig | None = None,
  weights: str = "",
  limits: HttpConfig = _DEFAULT,
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
    log: the file that keeps added and removed items; by default one beside
      the folder, so that it outlives a folder that is replaced.
    mesh: the numbers of devices that search together; None = one device.
    weights: the format of the kernels, one of `retrieval.weights.WEIGHTS`; "" =
      as they were trained.
    limits: the limits of what is accepted over HTTP.
    started: the `time.monotonic` at which the process began, for the log.

  Raises:
    FileNotFoundError, ValueError, OSError: the run or the log cannot be read,
      or a search cannot be compiled.
  """
  begun = time.monotonic() if started is None else started
  # Before JAX starts: its CPU client allocates at once.
  start.start()
  artefacts = pathlib.Path(artefacts)
  service = Service(
    ServiceConfig(
      artefacts=artefacts,
      log=log or _log_beside(artefacts),
      beams=beams,
      multiples=multiples,
      max_batch=max_batch,
      room=room,
      programs=_programs(),
      mesh=mesh,
      weights=weights,
    )
  )
  failures: list[BaseException] = []

  def ready() -> None:
    while not http.started:  # It listens a moment after the warm-up begins.
      time.sleep(0.01)
    seconds = time.monotonic() - begun
    address, port = http.servers[0].sockets[0].getsockname()[:2]
    _say(f"ready on http://{address}:{port} after {seconds:.1f} s")

  def failed(error: BaseException) -> None:
    failures.append(error)
    http.should_exit = True

  server = Server(
    service,
    limits,
    on_ready=ready,
    on_failure=failed,
    on_loaded=keep_what_is_there,
  )
  http = uvicorn.Server(
    uvicorn.Config(
      server.app,
      host=host,
      port=port,
      log_level="warning",
      timeout_graceful_shutdown=int(limits.timeout) + 1,
    )
  )
  if service.quantized:
    _say(summary(service.quantized))
  _say(f"{artefacts} is loaded; warming up")
  # What the program printed before: uvicorn ends the process by the signal
  # that stopped it, and then no buffer is written.
  print(end="", flush=True)
  http.run()
  if failures:
    raise failures[0]


def _programs() -> pathlib.Path | None:
  """The folder of compiled searches, beside JAX's own cache."""
  cache = jax.config.values["jax_compilation_cache_dir"]
  return pathlib.Path(cache) / "searches" if cache else None


def _log_beside(artefacts: pathlib.Path) -> pathlib.Path:
  path = artefacts.absolute()
  return path.with_name(f"{path.name}.items.log")


def _say(text: str) -> None:
  print(f"serve: {text}", file=sys.stderr, flush=True)
