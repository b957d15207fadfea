"""Serves a finished run over HTTP.

  pip install '.[serve]'
  python -m gr_jax.serving --artefacts=runs/cq_sid-default
  curl localhost:8000/search -d '{"query": "whole milk"}' \\
    -H 'content-type: application/json'

POST /search, /recommend and /items, GET /items/ID, /metrics, /healthz, /readyz
and /openapi.json, which describes all of them; / is a page for people. SIGTERM
finishes what was accepted and stops; SIGHUP, or POST /admin/reload with the
token, serves what lies in the folder by then without a pause.

  curl localhost:8000/items -H 'content-type: application/json' \\
    -d '{"paused": {"A": true}, "prices": {"B": 2.5}}'

The request after a change obeys it: items are added, removed, paused and priced
anew while nothing is compiled.
"""

import argparse
import contextlib
import os
import pathlib
import sys
import time

from gr_jax import command_line

_START = time.monotonic()
# GR4AD widens its beams by 60 % in quiet hours (arXiv 2602.22732).
_MULTIPLES = (0.25, 0.5, 1.0, 1.6)


def main(arguments: list[str] | None = None) -> int:
  """Serves until it is stopped; returns the exit code."""
  return command_line.run(_parser(), _serve, arguments)


def _serve(flags: argparse.Namespace) -> None:
  _check(flags)
  from absl import logging

  logging.set_verbosity(logging.ERROR)
  # Before the server's libraries start threads, see `host_memory`.
  from gr_jax.parallel import start

  start.start()
  try:
    from gr_jax.serving import beam_names, serve
  except ModuleNotFoundError as error:
    raise ImportError(
      f"{error}; run `pip install '.[serve]'` first."
    ) from error
  with contextlib.suppress(KeyboardInterrupt):
    serve.serve(
      flags.artefacts,
      host=flags.host,
      port=flags.port,
      beams=beam_names.read_beams(flags.beam),
      multiples=flags.adaptive_beams,
      max_batch=flags.max_batch,
      room=flags.room,
      log=flags.log,
      mesh=flags.mesh and serve.MeshConfig(**flags.mesh),
      weights=flags.weights,
      limits=serve.HttpConfig(
        token=flags.token,
        queue=flags.queue,
        busy=flags.busy,
        deadline=flags.deadline_ms / 1e3,
        target=flags.target_ms / 1e3,
        timeout=flags.timeout,
        max_body=flags.max_body,
        cache_seconds=flags.cache_seconds,
        cache_bytes=flags.cache_bytes,
      ),
      started=_START,
    )


def _check(flags: argparse.Namespace) -> None:
  for name in (
    *("max_batch", "queue", "busy", "room", "max_body", "timeout"),
    *("target_ms", "cache_bytes"),
  ):
    if getattr(flags, name) <= 0:
      flag = name.replace("_", "-")
      raise ValueError(f"--{flag}={getattr(flags, name)}: must be positive.")
  for name in ("deadline_ms", "cache_seconds"):
    if getattr(flags, name) < 0:
      flag = name.replace("_", "-")
      raise ValueError(
        f"--{flag}={getattr(flags, name)}: must not be negative."
      )


def _multiples(text: str) -> tuple[float, ...]:
  return tuple(map(float, text.split(",")))


def _mesh(text: str) -> dict[str, int]:
  pairs = (part.split("=") for part in text.split(","))
  found = {axis: int(size) for axis, size in pairs}
  if not found.keys() <= {"data", "model"}:
    raise ValueError
  return found


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser("python -m gr_jax.serving", __doc__)
  add = parser.add_argument
  add(
    "--artefacts",
    type=pathlib.Path,
    required=True,
    help="the --workdir of a run of gr_jax.main",
  )
  add(
    "--beam",
    default="50",
    help="IDs a search keeps, and the most items it can give; 128:256:512 "
    "keeps as many after each level; several, separated by commas, are a "
    "choice of each request; the first is the default [50]",
  )
  add(
    "--adaptive-beams",
    type=_multiples,
    nargs="?",
    default=(),
    const=_MULTIPLES,
    help="requests that name no beam get the widest of these multiples of the "
    "default beam by which answers keep to --target-ms, wider while the server "
    "is idle; all are compiled at the start [off; without a value "
    f"{','.join(f'{m:g}' for m in _MULTIPLES)}]",
  )
  add(
    "--mesh",
    type=_mesh,
    help="devices that search together, such as model=2 or data=2,model=4: "
    "model splits the network, data shares the requests [one device]",
  )
  add(
    "--weights",
    default="",
    help="nvfp4: kernels in four bits, a seventh of the bytes; answers differ "
    "a little [as they were trained]",
  )
  for flag, kind, default, text in (
    ("--host", str, "127.0.0.1", "address to listen on"),
    ("--port", int, 8000, "port, 0 for a free one"),
    ("--max-batch", int, 16, "requests in a search"),
    ("--deadline-ms", float, 4, "how long a request waits for others at most"),
    (
      "--target-ms",
      float,
      100,
      "time in which 99 of 100 answers are to come: --adaptive-beams keeps to "
      "it, and later answers are counted",
    ),
    ("--queue", int, 256, "requests that may wait; more are refused with 429"),
    (
      "--busy",
      int,
      32,
      "with several beams, and none that follow the load: once so many wait, "
      "requests that name no beam get the narrowest that holds their k",
    ),
    ("--timeout", float, 10, "seconds until a request is answered with 504"),
    ("--max-body", int, 4_000_000, "bytes"),
    (
      "--cache-seconds",
      float,
      0,
      "how long an answer is given again to equal requests, until a change of "
      "the catalogue or a reload; 0 is never",
    ),
    ("--cache-bytes", int, 64_000_000, "bytes of the answers kept for it"),
    ("--room", int, 8192, "new semantic IDs that fit beside those of the run"),
  ):
    add(flag, type=kind, default=kind(default), help=f"{text} [{default}]")
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
  return parser


if __name__ == "__main__":
  sys.exit(main())
