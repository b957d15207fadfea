"""Nothing that was acknowledged is lost unseen, whatever befalls the files."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
import zlib
from unittest import mock

import hypothesis
import hypothesis.strategies as st
import pytest

from gr_jax.serving.catalogue.item_log import ItemLog, read_changes
from gr_jax.serving.catalogue.log_lines import Damaged
from gr_jax.serving.catalogue.log_mark import MarkFile, mark_path
from tests.reference.damaged_logs import CHANGES, DAMAGES
from tests.reference.small_run import ROOT

FULL = OSError(28, "No space left")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
  """The folder of a log of all changes."""
  path = tmp_path_factory.mktemp("log") / "items.log"
  log = ItemLog(path)
  for change in CHANGES:
    log.append(change)
  assert log.records == len(CHANGES)
  log.close()
  return path.parent


@pytest.fixture
def path(written, tmp_path):
  """A copy of it, to be damaged."""
  return shutil.copytree(written, tmp_path / "copy") / "items.log"


def texts(changes) -> list[str]:
  return [json.dumps(change) for change in changes]


def read(path) -> list[str]:
  """What a start reads; a compacted log gives what it comes to."""
  ItemLog(path).close()
  return texts(read_changes(path))


def test_what_was_written_is_read(path):
  assert read(path) == texts(CHANGES)
  assert list(path.parent.glob("*.torn")) == []


def test_several_changes_are_one_write_and_one_sync(tmp_path):
  log = ItemLog(tmp_path / "log")
  log.append({"n": 0})
  with mock.patch("os.fsync") as synced:
    log.append({"n": 1}, {"n": 2})
    log.append()
  assert synced.call_count == 1
  assert log.records == 3
  with (
    mock.patch("os.fsync", side_effect=FULL),
    pytest.raises(OSError, match="No"),
  ):
    log.append({"n": 3}, {"n": 4})
  assert log.records == 3
  log.close()
  assert [c["n"] for c in read_changes(tmp_path / "log")] == [0, 1, 2]


@pytest.mark.parametrize("kind", DAMAGES)
def test_no_damage_goes_unseen(written, tmp_path, kind):
  befall(kind, written, tmp_path, random.Random(0), times=12)


@pytest.mark.slow
def test_a_thousand_damages_are_recognised(written, tmp_path):
  """Counts are printed: pytest -s."""
  for kind in DAMAGES:
    found = befall(kind, written, tmp_path, random.Random(1), times=120)
    print(kind, found)


def befall(kind, written, folder, rng, *, times: int) -> dict[str, int]:
  """Every start refuses by name, or has all that was acknowledged."""
  found: dict[str, int] = {}
  for number in range(times):
    copy = shutil.copytree(written, folder / f"{kind}{number}")
    path = copy / "items.log"
    before = path.read_bytes()
    path.write_bytes(DAMAGES[kind](before, rng))
    unchanged = path.read_bytes() == before
    try:
      changes = read(path)
    except Damaged as error:
      seen, advised = error.kind, "repair" in str(error)
      assert advised
      assert not unchanged
    else:
      assert changes == texts(CHANGES)
      # What was put behind the last line is kept.
      torn = any(copy.glob("*.torn"))
      seen = "unchanged" if unchanged else "kept" if torn else "whole"
    found[seen] = found.get(seen, 0) + 1
    shutil.rmtree(copy)
  return found


@pytest.mark.parametrize(
  ("change", "kind", "line"),
  [
    (lambda lines: lines[:3] + lines[4:], "missing", 4),
    (lambda lines: [*lines[:4], lines[3], *lines[4:]], "twice", 5),
    (lambda lines: [*lines, lines[3]], "twice", 14),
    (
      lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
      "moved",
      4,
    ),
    (lambda lines: [*lines[:3], b"x", *lines[4:]], "edited", 4),
    (lambda lines: lines[1:], "header", 1),
    (lambda lines: lines[:-1], "cut", 0),
    (lambda lines: [], "cut", 0),
  ],
)
def test_what_was_done_is_named_with_its_line(path, change, kind, line):
  lines = [each + b"\n" for each in path.read_bytes().split(b"\n")[:-1]]
  path.write_bytes(b"".join(change(lines)))
  before = path.read_bytes()
  with pytest.raises(Damaged) as error:
    ItemLog(path)
  assert (error.value.kind, error.value.line) == (kind, line)
  assert path.read_bytes() == before


def test_a_log_that_is_gone_is_no_new_one(path):
  path.unlink()
  for reading in (ItemLog, lambda path: list(read_changes(path))):
    with pytest.raises((Damaged, FileNotFoundError), match=r"items\.log"):
      reading(path)
  mark_path(path).unlink()
  assert read(path) == []


def test_another_copy_in_the_place_of_the_log_is_refused(path, tmp_path):
  older = path.read_bytes()
  log = ItemLog(path)
  log.append({"n": 1})
  log.close()
  path.write_bytes(older)
  with pytest.raises(Damaged, match="ends after change 12, and 13 were"):
    ItemLog(path)
  other = ItemLog(tmp_path / "other")
  other.append(*CHANGES, *CHANGES)
  other.close()
  shutil.copy(tmp_path / "other", path)
  with pytest.raises(Damaged, match="not the log that items"):
    ItemLog(path)


@hypothesis.settings(max_examples=12)
@hypothesis.given(data=st.data())
def test_a_torn_last_write_is_kept_and_the_log_goes_on(
  written, tmp_path_factory, data
):
  path = (
    shutil.copytree(written, tmp_path_factory.mktemp("torn") / "copy")
    / "items.log"
  )
  log = ItemLog(path)
  mark = mark_path(path).read_bytes()
  log.append({"text": "never acknowledged"})
  log.close()
  # As if the process had been killed while it wrote: the mark is as before.
  mark_path(path).write_bytes(mark)
  begin = (written / "items.log").stat().st_size
  torn = path.read_bytes()[begin:-2]
  torn = torn[: data.draw(st.integers(1, len(torn)))]
  torn += data.draw(st.sampled_from([b"", b"\0\0\0", b"\r\r"]))
  path.write_bytes(path.read_bytes()[:begin] + torn)
  log = ItemLog(path)
  log.append({"n": 9})
  log.close()
  assert read(path) == [*texts(CHANGES), '{"n": 9}']
  assert path.with_name("items.log.1.torn").read_bytes() == torn


@pytest.mark.parametrize("end", [b"", b"\x0b"])
def test_a_last_line_that_lacks_its_end_alone_is_whole(path, end, capsys):
  path.write_bytes(path.read_bytes()[:-1] + end)
  log = ItemLog(path)
  log.append({"n": 9})
  log.close()
  assert read(path) == [*texts(CHANGES), '{"n": 9}']
  assert "torn" not in capsys.readouterr().err


def test_a_mark_that_is_lost_or_behind_is_no_reason_to_refuse(path):
  mark = mark_path(path)
  mark.write_bytes(bytes(5000))
  assert read(path) == texts(CHANGES)
  mark.unlink()
  assert read(path) == texts(CHANGES)
  before = mark.read_bytes()
  log = ItemLog(path)
  log.append({"n": 9})
  log.close()
  mark.write_bytes(before)  # What a loss of power may leave.
  assert read(path) == [*texts(CHANGES), '{"n": 9}']


def test_two_servers_cannot_share_a_log_though_it_was_moved(path):
  log = ItemLog(path)
  with pytest.raises(ValueError, match="in use by another server"):
    ItemLog(path)
  path.rename(path.with_name("moved"))
  with pytest.raises(ValueError, match="in use by another server"):
    ItemLog(path)
  log.close()


def move_away(path):
  path.rename(path.with_name("moved"))


def replace(path):
  shutil.copy(path, path.with_name("copy"))
  path.with_name("copy").rename(path)


@pytest.mark.parametrize("spoil", [move_away, replace, os.unlink])
@pytest.mark.parametrize("name", ["items.log", "items.log.ack"])
def test_a_log_that_is_not_there_takes_no_change(path, spoil, name):
  log = ItemLog(path)
  log.append({"n": 0})
  assert log.trouble() is None
  spoil(path.with_name(name))
  assert "put it back" in log.trouble()
  with pytest.raises(OSError, match=name):
    log.append({"n": 1})
  if (moved := path.with_name("moved")).exists():
    moved.rename(path.with_name(name))
    assert log.trouble() is None
    log.append({"n": 2})
    assert log.records == len(CHANGES) + 2
  log.close()


@pytest.mark.parametrize("size", [-1, 1])
def test_a_log_that_others_change_while_it_is_served_takes_no_more(path, size):
  log = ItemLog(path)
  os.truncate(path, path.stat().st_size + size)
  with pytest.raises(OSError, match="changed by another program"):
    log.append({"n": 1})
  assert log.trouble()
  log.close()


def test_a_record_that_could_not_be_synced_does_not_come_back(path):
  log = ItemLog(path)
  with (
    mock.patch("os.fsync", side_effect=FULL),
    pytest.raises(OSError, match="No"),
  ):
    log.append({"n": 1})
  log.append({"n": 2})
  log.close()
  assert read(path) == [*texts(CHANGES), '{"n": 2}']


def test_a_write_that_cannot_be_taken_back_ends_the_log(path):
  log = ItemLog(path)
  with (
    mock.patch("os.fsync", side_effect=FULL),
    mock.patch("os.ftruncate", side_effect=OSError(5, "I/O error")),
    pytest.raises(OSError, match="No space"),
  ):
    log.append({"n": 1})
  assert "nor could the rest of the write be taken back" in log.trouble()
  with pytest.raises(OSError, match="start the server again"):
    log.append({"n": 2})
  log.close()
  # It was refused, so it does not come back; what it was is kept.
  assert read(path) == texts(CHANGES)
  assert b'{"n":1}' in path.with_name("items.log.1.torn").read_bytes()


@pytest.mark.parametrize("times", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_a_disk_that_is_full_refuses_and_then_goes_on(tmp_path, times):
  rng, taken, acknowledged = random.Random(0), 0, []
  path, write = tmp_path / "items.log", os.write

  def full(file, data):
    nonlocal room
    done = write(file, bytes(data)[:room])
    room -= done
    if not done:
      raise FULL
    return done

  for _ in range(times):
    log, room = ItemLog(path), rng.randrange(2000)
    with mock.patch("os.write", full):
      for number in range(taken, taken + 40):
        try:
          log.append({"n": number, "text": "x" * rng.randrange(200)})
          acknowledged.append(number)
        except OSError:
          assert room == 0
    taken += 40
    log.append({"n": taken, "text": ""})
    acknowledged.append(taken)
    taken += 1
    assert [c["n"] for c in read_changes(path)] == acknowledged
    if rng.random() < 0.5:
      log.close()
    else:  # As if it was killed.
      log._mark.close()
  assert len(acknowledged) < taken


def test_a_log_is_opened_on_a_full_disk_unless_its_mark_must_change(path):
  full = mock.patch("os.pwrite", side_effect=FULL)
  with full:
    log = ItemLog(path)
  log.append({"n": 1})
  log.close()
  mark = MarkFile(path)
  mark.write(log.place, closed=True)
  mark.close()
  with full, pytest.raises(OSError, match="No space"):
    ItemLog(path)
  assert read(path) == [*texts(CHANGES), '{"n": 1}']


def old_lines(changes) -> bytes:
  found = (text.encode() for text in texts(changes))
  return b"".join(b"%08x %s\n" % (zlib.crc32(text), text) for text in found)


@pytest.mark.parametrize("tail", [b"", b"0000000", b"00000000 {torn"])
def test_a_log_of_before_is_read_and_upgraded_once(tmp_path, tail, capsys):
  path = tmp_path / "items.log"
  path.write_bytes(old_lines(CHANGES) + tail)
  assert texts(read_changes(path)) == texts(CHANGES)
  log = ItemLog(path)
  assert log.records == len(CHANGES)
  state = log.state.change("m")
  log.append({"n": 9})
  log.close()
  assert "is numbered and chained now (12 changes)" in capsys.readouterr().err
  assert path.with_name("items.log.old").read_bytes() == old_lines(CHANGES)
  assert len(list(tmp_path.glob("*.torn"))) == bool(tail)
  log = ItemLog(path)
  assert (log.records, log.state.change("m")) == (13, state)
  log.close()
  assert capsys.readouterr().err == ""


def test_a_damaged_log_of_before_is_refused(tmp_path):
  path = tmp_path / "items.log"
  path.write_bytes(old_lines(CHANGES).replace(b"2.5", b"2.6"))
  with pytest.raises(Damaged, match=r"line 6 of .* does not match"):
    ItemLog(path)


START = """
import pathlib, resource, sys, time
from gr_jax.serving.catalogue.item_log import ItemLog
begin = time.process_time()
log = ItemLog(pathlib.Path(sys.argv[1]))
seconds = time.process_time() - begin
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(seconds, memory, log.records)
"""


def start(path) -> tuple[float, int, int]:
  """CPU seconds and MiB of a process that opens a log, and its changes."""
  done = subprocess.run(
    [sys.executable, "-c", START, path],
    cwd=ROOT,
    capture_output=True,
    check=True,
  )
  seconds, memory, records = done.stdout.split()
  return float(seconds), int(memory), int(records)


@pytest.mark.slow
def test_ten_million_changes_start_within_seconds_once_compacted(tmp_path):
  """Of 100,000 items: half stock, half prices; GR_JAX_TEST_CHANGES of them."""
  count = int(os.environ.get("GR_JAX_TEST_CHANGES", "10_000_000"))
  path, rng = tmp_path / "items.log", random.Random(0)
  log = ItemLog(path)
  for begin in range(0, count, 10_000):
    log.append(
      *(
        {"stock": {f"item{rng.randrange(100_000)}": n % 4 == 0}}
        if n % 2
        else {"prices": {f"item{rng.randrange(100_000)}": n / 4}}
        for n in range(begin, begin + 10_000)
      )
    )
  log.close()
  long, size = start(path), path.stat().st_size
  log = ItemLog(path)
  opened = time.process_time()
  log.compact()
  compacting = time.process_time() - opened
  log.close()
  short = start(path)
  print(
    f"{count} changes, {size} bytes: {1e6 * long[0] / count:.2f} us each at a "
    f"start, {long[1]} MiB; compacted in {compacting:.2f} s to "
    f"{path.stat().st_size} bytes: start {short[0]:.2f} s, {short[1]} MiB"
  )
  assert long[2] == short[2] == count
  assert short[0] < 30
