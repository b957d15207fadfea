"""A process that changes a log until it is killed.

  python tests/reference/log_writers.py LOG FIRST [COMPACT]

Eight threads set prices, remove items and add some, through one group commit
as a server does. Each change that was acknowledged is a line on stdout by then.
With COMPACT the log is compacted again and again meanwhile.
"""

import itertools
import os
import pathlib
import random
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from gr_jax.serving.catalogue.compaction import Compaction
from gr_jax.serving.catalogue.group_commit import GroupCommit
from gr_jax.serving.catalogue.item_log import ItemLog

WRITERS = 8


def main(path: str, first: str, *compact: str) -> None:
  log, lock = ItemLog(pathlib.Path(path)), threading.Lock()

  def committed(changes):
    log.append(*changes)
    return changes

  commit = GroupCommit(committed, lock)

  def write(writer: int) -> None:
    for number in itertools.count(int(first)):
      price = number + random.random()
      commit({"prices": {f"w{writer}": price}, "n": [writer, number]})
      os.write(1, f"{writer} {number} {price!r}\n".encode())

  for writer in range(WRITERS):
    threading.Thread(target=write, args=(writer,), daemon=True).start()
  compaction = Compaction(log, lock, least=1 << 40)
  while True:
    if compact:
      compaction.run()
    else:
      threading.Event().wait()


if __name__ == "__main__":
  main(*sys.argv[1:])
