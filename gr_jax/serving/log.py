"""Checks, repairs, compacts and copies the log of a server's items.

  python -m gr_jax.serving.log check runs/cq_sid-default.items.log

check    reads all of it, and says how many changes it has or what is wrong in
         which line. A server may be using it; nothing is written.
repair   cuts off what stands from the first wrong line on, keeps that in a
         file beside (*.torn), and says which acknowledged changes are lost. To
         put a backup back is better, where there is one.
compact  writes it anew as what its changes come to, so that a start is quick.
         A server does so by itself as its log grows.
backup   copies it to --to, as it was at one moment, while a server may be
         using it. The copy is a log of its own: stop the server, put copy and
         copy.ack in the places of the log and of its .ack, start it again.

The log of users' events, *.items.log.events, is checked and kept likewise.
A log is lines of text; beside it stands its .ack, the end of what was
acknowledged. Copy, move or remove both or none, and neither under a server.
"""

import argparse
import os
import pathlib
import sys

from gr_jax import command_line
from gr_jax.serving.catalogue.item_log import ItemLog
from gr_jax.serving.catalogue.log_copies import back_up, repair, whole
from gr_jax.serving.users.histories import SUFFIX, EventLog


def main(arguments: list[str] | None = None) -> int:
  """Does what was asked for; returns the exit code."""
  return command_line.run(_parser(), _work, arguments)


def _work(flags: argparse.Namespace) -> None:
  path = flags.path.resolve()
  if not path.is_file():
    raise ValueError(f"{path} is no file; give the log of a server.")
  _ACTIONS[flags.action](path, flags)


def _check(path: pathlib.Path, flags: argparse.Namespace) -> None:
  found = whole(path)
  place = found.place
  print(
    f"{path} is whole: {place.number} changes in {place.lines} lines, "
    f"{place.size} bytes"
    + (
      f"; behind them stand {len(found.tail)} bytes of a write that is under "
      "way, or was torn and never acknowledged."
      if found.tail
      else "."
    )
  )


def _repair(path: pathlib.Path, flags: argparse.Namespace) -> None:
  print(repair(path))


def _compact(path: pathlib.Path, flags: argparse.Namespace) -> None:
  before = path.stat().st_size
  log = (EventLog if path.name.endswith(SUFFIX) else ItemLog)(path)
  try:
    log.compact()
  finally:
    log.close()
  after = path.stat().st_size
  print(f"{path} has {after} bytes, {before} before; {log.records} changes.")


def _backup(path: pathlib.Path, flags: argparse.Namespace) -> None:
  if flags.to is None:
    raise ValueError("give --to=FILE, the copy.")
  place = back_up(path, flags.to)
  size = os.stat(flags.to).st_size
  print(f"{flags.to} has {place.number} changes, {size} bytes.")


_ACTIONS = {
  "check": _check,
  "repair": _repair,
  "compact": _compact,
  "backup": _backup,
}


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser("python -m gr_jax.serving.log", __doc__)
  add = parser.add_argument
  add("action", choices=_ACTIONS, help="what to do")
  add("path", type=pathlib.Path, help="the log, RUN.items.log by default")
  add("--to", type=pathlib.Path, help="backup: the copy, which must not exist")
  return parser


if __name__ == "__main__":
  sys.exit(main())
