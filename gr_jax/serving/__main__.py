"""Serves a finished run over HTTP.

  pip install '.[serve]'
  python -m gr_jax.serving --artefacts=runs/cq_sid-default
  curl localhost:8000/search -d '{"query": "whole milk"}' \\
    -H 'content-type: application/json'

POST /search, /recommend and /items, GET /items/ID, /metrics, /healthz, /readyz
and /openapi.json, which describes all of them; / is a page for people. SIGTERM
finishes what was accepted and stops; SIGHUP, or POST /admin/reload with the
token, serves what lies in the folder by then without a pause.
"""

import argparse
import os
import pathlib
import sys
import time

_START = time.monotonic()


def main(arguments: list[str] | None = None) -> int:
  """Serves until it is told to stop; returns the exit code."""
  flags = _parser().parse_args(arguments)
  try:
    _check(flags)
    return _serve(flags)
  except KeyboardInterrupt:
    return 0
  except (ValueError, OSError, ImportError) as error:
    print(f"error: {_one_line(error)}", file=sys.stderr)
    return 1


def _serve(flags: argparse.Namespace) -> int:
  # Before JAX starts: its CPU client allocates at once.
  from gr_jax.parallel import start

  start.start()
  from absl import logging

  logging.set_verbosity(logging.ERROR)
  uvicorn, api, server, service = _imported()
  config = service.ServiceConfig(
    artefacts=flags.artefacts,
    log=flags.log or _log_beside(flags.artefacts),
    beams=flags.beam,
    max_batch=flags.max_batch,
    room=flags.room,
    programs=_programs(),
  )
  failures: list[BaseException] = []

  def ready() -> None:
    while not http.started:  # It listens a moment after the warm-up begins.
      time.sleep(0.01)
    seconds = time.monotonic() - _START
    host, port = http.servers[0].sockets[0].getsockname()[:2]
    _say(f"ready on http://{host}:{port} after {seconds:.1f} s")

  def failed(error: BaseException) -> None:
    failures.append(error)
    http.should_exit = True

  app = server.Server(
    service.Service(config),
    api.HttpConfig(
      token=flags.token,
      queue=flags.queue,
      busy=flags.busy,
      deadline=flags.deadline_ms / 1e3,
      timeout=flags.timeout,
      max_body=flags.max_body,
    ),
    on_ready=ready,
    on_failure=failed,
  ).app
  http = uvicorn.Server(
    uvicorn.Config(
      app,
      host=flags.host,
      port=flags.port,
      log_level="warning",
      timeout_graceful_shutdown=int(flags.timeout) + 1,
    )
  )
  _say(f"{flags.artefacts} is loaded; warming up")
  http.run()
  if failures:
    print(f"error: {_one_line(failures[0])}", file=sys.stderr)
  return 1 if failures else 0


def _programs() -> pathlib.Path | None:
  """Beside JAX's own cache."""
  import jax

  cache = jax.config.jax_compilation_cache_dir
  return pathlib.Path(cache) / "searches" if cache else None


def _imported():
  try:
    import uvicorn

    from gr_jax.serving.catalogue import service
    from gr_jax.serving.http import api, server
  except ModuleNotFoundError as error:
    raise ImportError(
      f"{error}; run `pip install '.[serve]'` first."
    ) from error
  return uvicorn, api, server, service


def _log_beside(artefacts: pathlib.Path) -> pathlib.Path:
  """Beside the folder, so that it outlives a folder that is replaced."""
  path = artefacts.absolute()
  return path.with_name(f"{path.name}.items.log")


def _say(text: str) -> None:
  print(f"serve: {text}", file=sys.stderr, flush=True)


def _one_line(error: BaseException) -> str:
  if isinstance(error, OSError) and error.errno:
    return f"{error.strerror}: {error.filename}."
  return " ".join(str(error).split()) or type(error).__name__


def _check(flags: argparse.Namespace) -> None:
  for name in ("max_batch", "queue", "busy", "room", "max_body", "timeout"):
    if getattr(flags, name) <= 0:
      flag = name.replace("_", "-")
      raise ValueError(f"--{flag}={getattr(flags, name)}: must be positive.")
  if flags.deadline_ms < 0:
    raise ValueError(
      f"--deadline-ms={flags.deadline_ms}: must not be negative."
    )


def _beams(text: str) -> tuple[int, ...]:
  found = tuple(int(part) for part in text.split(","))
  if min(found) < 1 or len(set(found)) < len(found):
    raise ValueError
  return found


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m gr_jax.serving",
    description=__doc__,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  add = parser.add_argument
  add(
    "--artefacts",
    type=pathlib.Path,
    required=True,
    help="the --workdir of a run of gr_jax.main",
  )
  add("--host", default="127.0.0.1", help="address to listen on [127.0.0.1]")
  add("--port", type=int, default=8000, help="port, 0 for a free one [8000]")
  add(
    "--beam",
    type=_beams,
    default=(50,),
    help="IDs a search keeps, and the most items it can give; several, "
    "separated by commas, can be asked for, the first by default [50]",
  )
  add("--max-batch", type=int, default=16, help="questions in a search [16]")
  add(
    "--deadline-ms",
    type=float,
    default=4.0,
    help="how long a question waits for others at most [4]",
  )
  add(
    "--queue",
    type=int,
    default=256,
    help="questions that may wait; more are refused with 429 [256]",
  )
  add(
    "--busy",
    type=int,
    default=32,
    help="with several beams: once so many wait, questions that name no beam "
    "get the narrowest that holds their k [32]",
  )
  add(
    "--timeout",
    type=float,
    default=10.0,
    help="seconds after which a request is answered with 504 [10]",
  )
  add("--max-body", type=int, default=4_000_000, help="bytes [4000000]")
  add(
    "--token",
    default=os.environ.get("GR_JAX_TOKEN", ""),
    help="bearer token that requests must carry, better given by the "
    "environment variable GR_JAX_TOKEN; none by default",
  )
  add(
    "--log",
    type=pathlib.Path,
    help="file that keeps added and removed items [ARTEFACTS.items.log]",
  )
  add(
    "--room",
    type=int,
    default=8192,
    help="new semantic IDs that fit beside those of the run [8192]",
  )
  return parser


if __name__ == "__main__":
  sys.exit(main())
