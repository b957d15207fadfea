"""Serves a finished run over HTTP.

  pip install '.[serve]'
  python -m gr_jax.serving --artefacts=runs/cq_sid-default
  curl localhost:8000/search -d '{"query": "whole milk"}' \\
    -H 'content-type: application/json'

POST /search, /recommend, /items and /events, GET /search?q=WORDS, /items/ID and
more: /docs lists all of them, and /openapi.json describes them for programs; /
is a page for people. Items are beside the run in RUN.items.log, users' events
in RUN.items.log.events. SIGTERM finishes what was accepted and stops; SIGHUP,
or POST /admin/reload with the token, serves what lies in the folder by then
without a pause.

  curl localhost:8000/items -H 'content-type: application/json' \\
    -d '{"paused": {"A": true}, "prices": {"B": 2.5}}'

Compiled searches are kept in ~/.cache/gr_jax/compiled, or in the folder that
JAX_COMPILATION_CACHE_DIR names. Whoever can write there can run programs here:
give a server a folder of its own. From one that other users can write to no
search is read.

The run of a ranker (configs/ultra_hstu.py) has POST /rank and /events:

  curl localhost:8000/rank -H 'content-type: application/json' \\
    -d '{"user_id": "1543", "items": ["957951", "847999"]}'

The request after a change obeys it: items are added, removed, paused and priced
anew while nothing is compiled.
"""

import argparse
import contextlib
import os
import sys
import time

from gr_jax import command_line
from gr_jax.serving.flags import check, parser, tokens

_START = time.monotonic()


def main(arguments: list[str] | None = None) -> int:
  """Serves until it is stopped; returns the exit code."""
  return command_line.run(parser(__doc__), _serve, arguments)


def _serve(flags: argparse.Namespace) -> None:
  check(flags)
  token, read_token = tokens(flags)
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
      remembered=flags.remembered,
      log=flags.log,
      mesh=flags.mesh and serve.MeshConfig(**flags.mesh),
      weights=flags.weights,
      limits=serve.HttpConfig(
        token=token,
        read_token=read_token,
        hosts=tuple(flags.allowed_host),
        origins=tuple(flags.cors_origin),
        queue=flags.queue,
        busy=flags.busy,
        deadline=flags.deadline_ms / 1e3,
        target=flags.target_ms / 1e3,
        timeout=flags.timeout,
        max_body=flags.max_body,
        max_connections=flags.max_connections,
        header_timeout=flags.header_timeout,
        keep_alive=flags.keep_alive,
        cache_seconds=flags.cache_seconds,
        cache_bytes=flags.cache_bytes,
      ),
      insecure=flags.insecure,
      started=_START,
    )


if __name__ == "__main__":
  code = main()
  # All that is to be kept is on disk. What still compiles in another thread
  # would abort the interpreter's own end.
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(code)
