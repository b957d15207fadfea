"""Trains a run on while it is served: new events in, the next version out.

  python -m gr_jax.main --config=own_data --config.data.path=data/my_shop \\
    --workdir=runs/shop
  GR_JAX_TOKEN=s3cret python -m gr_jax.serving --artefacts=runs/shop &

  GR_JAX_TOKEN=s3cret python -m gr_jax.update --artefacts=runs/shop \\
    --events=monday.csv --items=monday.items.csv \\
    --server=http://localhost:8000

Both files are in the format of `python -m gr_jax.import_data`, and the columns,
times, types of events and categories are those of the run's import where the
flags say nothing. New items get IDs from the run's tokenizer, or keep those
that the server gave them; no given ID moves. The served version answers the new
requests before it learns them; then it is trained on, with old requests in
every batch, and what comes out is runs/shop/versions/0001. It is served,
without dropping a request, unless it is worse than its parent on requests that
it did not learn, by more than the interval; or the labels do not follow from
the requests; or the inputs have moved. Then it is kept, and one line says why.

A run with candidates has counted the answers of its own requests, so those are
not learned again: old requests are those of earlier updates, and its first
update learns new ones alone.

A file that was learned is not learned again. Killed at any point, the old
version serves, and the same command goes on. Back to the version before:

  python -m gr_jax.update --artefacts=runs/shop --rollback \\
    --server=http://localhost:8000

The versions that are left are not served again by the commands that made them,
but by --rollback=NAME; their events are not learned again while their folders
are there. What comes next is trained from the version that is served, without
them.

Of a run that was aligned, as by configs/gr4ad.py, the aligned parameters are
trained on by the loss of the generator, and nothing is aligned anew. Values
keep their buckets and their weight in the ranking. A version whose answers are
worth less, by more than the interval, is not served either.

A folder can be watched: every DAY.csv that is put there is learned, in the
order of the names, with the new items of DAY.items.csv if there are any:

  python -m gr_jax.update --artefacts=runs/shop --watch=incoming

A server that is away switches when it is there again; one that refuses, a full
disk or another update keep the next files waiting. Pauses between tries grow to
five minutes, and a line is printed where something changes.
"""

import argparse
import dataclasses
import importlib
import os
import pathlib
import sys
from typing import Any

from gr_jax import command_line, recipes


def main(arguments: list[str] | None = None) -> int:
  """Runs the update; returns the exit code."""
  return command_line.run(
    _parser(),
    _update,
    arguments,
    interrupted="interrupted; what was served is served still, and the same "
    "command goes on from here.",
  )


def _update(flags: argparse.Namespace) -> None:
  ways = [flags.events, flags.watch, flags.rollback]
  if sum(way is not None for way in ways) != 1:
    raise ValueError(
      "give one of --events=FILE, --watch=FOLDER and --rollback; see --help."
    )
  if flags.every <= 0:
    raise ValueError(f"--every={flags.every}: must be positive.")
  if flags.watch is not None and flags.items is not None:
    raise ValueError(
      "--items goes with --events; put the items of DAY.csv beside it, as "
      "DAY.items.csv."
    )
  from absl import logging

  # Orbax logs what it raises as well, a trace for each of its threads.
  logging.set_verbosity(logging.FATAL)
  # Before JAX starts: its CPU client allocates at once.
  from gr_jax.data.imports.columns import parse_pairs
  from gr_jax.parallel import start

  start.start()
  # The pipeline lies beside the configs, in a checkout and in a wheel.
  recipes.import_from(recipes.ROOT / "configs" / "retrieval.py")
  run = flags.artefacts
  switching = importlib.import_module("experiments.updates.switching")
  server = switching.Server(flags.server, flags.token)
  if flags.rollback is not None:
    rollback = importlib.import_module("experiments.updates.rollback")
    rollback.roll_back(run, flags.rollback, server)
    return
  steps = importlib.import_module("experiments.updates.run")
  settings = importlib.import_module("experiments.updates.settings")
  config = settings.UpdateConfig(
    **{
      field.name: getattr(flags, field.name)
      for field in dataclasses.fields(settings.UpdateConfig)
    }
  )
  prepare = importlib.import_module("experiments.updates.prepare")
  usual = prepare.import_flags(run)
  sources = prepare.Sources(
    events=flags.events,
    items=flags.items,
    log=flags.log or pathlib.Path(f"{run.absolute()}.items.log"),
    columns=parse_pairs(flags.columns, flag="--columns"),
    event_types=usual.get("event_types", {})
    | parse_pairs(flags.event_types, flag="--event_types"),
    time_format=flags.time_format or usual.get("time_format", ""),
    category_separator=flags.category_separator
    or usual.get("category_separator", ""),
    usual=usual.get("columns", {}),
  )
  if flags.watch is None:
    steps.update(run, sources, config, server)
    return
  importlib.import_module("experiments.updates.watch").watch(
    flags.watch,
    sources,
    lambda found: steps.update(run, found, config, server),
    every=flags.every,
  )


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser("python -m gr_jax.update", __doc__)
  add = parser.add_argument
  path: dict[str, Any] = {"type": pathlib.Path}
  add("--artefacts", required=True, help="the --workdir of the run", **path)
  add("--events", help="new events: CSV, JSONL or Parquet", **path)
  add("--items", help="the new items that they name, likewise", **path)
  add("--watch", help="a folder that new events are put into", **path)
  add(
    "--rollback",
    nargs="?",
    const="",
    metavar="NAME",
    help="serve the version before the current one, or the one of that name; "
    "0000 is the run itself",
  )
  add("--server", default="", help="address of the server to tell [none]")
  add(
    "--token",
    default=os.environ.get("GR_JAX_TOKEN", ""),
    help="its token, better given by GR_JAX_TOKEN",
  )
  add("--log", help="the server's --log [ARTEFACTS.items.log]", **path)
  add(
    "--columns",
    default="",
    help="as of gr_jax.import_data [what the run's import was given]",
  )
  for flag in ("--event_types", "--time_format", "--category_separator"):
    add(flag, default="", help="likewise")
  for flag, kind, default, text in (
    (
      "--replay",
      float,
      0.5,
      "share of a batch that was learned before; of a run with candidates, by "
      "earlier updates",
    ),
    ("--learning_rate", float, 0.3, "peak, as a share of the run's own"),
    ("--passes", float, 3, "times that new requests are learned"),
    ("--steps", int, 0, "updates of the parameters, 0 = as --passes says"),
    ("--held_out", float, 0.2, "newest share of the new requests, not learned"),
    ("--requests", int, 2000, "requests that versions are compared on"),
    ("--most_drift", float, 1, "stability index from which inputs have moved"),
    ("--least_gap", float, 0.5, "share of the old gap that labels must have"),
    ("--every", float, 5, "seconds between two looks at a watched folder"),
    ("--seed", int, 0, "seed of everything that is drawn"),
  ):
    add(flag, type=kind, default=kind(default), help=f"{text} [{default}]")
  return parser


if __name__ == "__main__":
  sys.exit(main())
