"""A log is compacted while it is written, and killed: nothing is lost."""

import collections
import itertools
import os
import random
import subprocess
import sys
import threading
import time

import pytest

from gr_jax.serving.catalogue.compaction import Compaction
from gr_jax.serving.catalogue.item_log import ItemLog, read_changes
from gr_jax.serving.catalogue.log_state import LogState
from tests.reference.small_run import ROOT


def test_it_is_due_once_the_log_is_twice_as_long(tmp_path):
  log, lock = ItemLog(tmp_path / "log"), threading.Lock()
  compaction = Compaction(log, lock, least=2000)
  sizes = []
  for number in range(200):
    with lock:
      log.append({"prices": {"a": number}})
      compaction.start_if_due()
    for thread in threading.enumerate():
      if thread.name == "compaction":
        thread.join()
    sizes.append(log.place.size)
  assert max(sizes) < 2100
  assert sum(b < a for a, b in itertools.pairwise(sizes)) > 2
  assert log.records == 200
  assert log.state.change("").prices == {"a": 199}
  log.close()


def test_changes_go_on_meanwhile_and_none_is_lost(tmp_path):
  log, lock = ItemLog(tmp_path / "log"), threading.Lock()
  log.append(*({"prices": {f"old{n}": n}} for n in range(3000)))
  stop, taken = threading.Event(), 0

  def change():
    nonlocal taken
    while not stop.is_set():
      with lock:
        log.append({"prices": {f"i{taken % 50}": taken}})
      taken += 1

  thread = threading.Thread(target=change)
  thread.start()
  compaction = Compaction(log, lock, least=0)
  for _ in range(5):
    compaction.run()
  stop.set()
  thread.join()
  state = log.state
  log.close()
  log = ItemLog(tmp_path / "log")
  assert log.records == 3000 + taken
  assert log.state.change("") == state.change("")
  assert taken > 5
  log.close()


def test_one_that_fails_leaves_the_log_as_it_was(tmp_path, monkeypatch, capsys):
  log, lock = ItemLog(tmp_path / "log"), threading.Lock()
  log.append({"prices": {"a": 1}})
  compaction = Compaction(log, lock, least=1)

  def full(*paths):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(os, "replace", full)
  with pytest.raises(OSError, match="No space"):
    compaction.run()
  with lock:
    log.append({"text": "x" * 500})
    compaction.start_if_due()
  for thread in threading.enumerate():
    if thread.name == "compaction":
      thread.join()
  assert "not compacted: No space left" in capsys.readouterr().err
  monkeypatch.undo()
  log.append({"prices": {"a": 2}})
  compaction.run()
  assert {f.name for f in tmp_path.iterdir()} == {"log", "log.ack"}
  log.close()
  assert LogState(read_changes(tmp_path / "log")).change("").prices == {"a": 2}


@pytest.mark.parametrize(
  ("kills", "compact"),
  [(2, True)]
  + [
    pytest.param(kills, compact, marks=pytest.mark.slow)
    for kills, compact in ((44, False), (60, True))
  ],
)
def test_kills_lose_no_acknowledged_change(tmp_path, kills, compact):
  rng, path = random.Random(0), tmp_path / "items.log"
  latest: dict[str, tuple[int, float]] = {}
  counted, first, version = collections.Counter(), 0, 0
  for _ in range(kills):
    seconds = rng.uniform(0.02, 0.4)
    for line in until_killed(path, first, compact, seconds):
      writer, number, price = line.split()
      latest[f"w{writer}"] = int(number), float(price)
      counted["acknowledged"] += 1
    first += 10_000_000
    counted["unfinished rewrites"] += path.with_name("items.log.new").exists()
    log = ItemLog(path)
    prices = log.state.change("").prices
    # A change that was written and not yet acknowledged may be there.
    for name, (number, price) in latest.items():
      assert prices[name] == price or int(prices[name]) > number
    assert log.records >= max(version, counted["acknowledged"])
    version = log.records
    counted["compacted"] = int(bool(log.place.header.previous))
    counted["torn"] = len(list(tmp_path.glob("*.torn")))
    log.close()
  print(dict(counted))
  assert counted["acknowledged"] > 2 * kills
  assert counted["compacted"] == compact


def until_killed(path, first: int, compact: bool, seconds: float) -> list[str]:
  """What writers got acknowledged before they were killed."""
  process = subprocess.Popen(
    [
      *(sys.executable, "tests/reference/log_writers.py", path, str(first)),
      *(["compact"] if compact else []),
    ],
    cwd=ROOT,
    stdout=subprocess.PIPE,
  )
  try:
    begun = process.stdout.readline()
    time.sleep(seconds)
  finally:
    process.kill()
  rest = process.communicate()[0]
  lines = (begun + rest).decode().split("\n")
  return [line for line in lines[:-1] if line]
