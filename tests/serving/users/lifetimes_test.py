"""All events of a user are there, a stretch at a time, until it leaves."""

import concurrent.futures
import subprocess
import sys
import textwrap

import pytest

from gr_jax.serving.catalogue.service import NotWritten
from gr_jax.serving.users.history_state import Event
from gr_jax.serving.users.lifetimes import Lifetimes


@pytest.fixture
def path(tmp_path):
  return tmp_path / "run.lifetimes"


def event(number, user="ann"):
  return Event(user, f"A{number}", "order", float(number))


def reopened(lifetimes):
  lifetimes.close()
  return Lifetimes(lifetimes.path)


def test_every_event_has_its_number_also_after_a_restart(path):
  lifetimes = Lifetimes(path)
  lifetimes.add([event(0), event(0, "bob"), event(1)])
  lifetimes.add([event(number) for number in range(2, 200)])
  for _ in range(2):
    assert lifetimes.count("ann") == 200
    assert lifetimes.read("ann", 150, 152) == [event(150), event(151)]
    assert lifetimes.read("ann", 198, 500) == [event(198), event(199)]
    assert lifetimes.read("nobody", 0, 9) == []
    assert lifetimes.count("bob") == 1
    assert lifetimes.count("nobody") == 0
    assert lifetimes.size == 201
    lifetimes = reopened(lifetimes)
  lifetimes.close()


def test_the_newest_are_in_the_order_of_time(path):
  lifetimes = Lifetimes(path, newest=3)
  lifetimes.add([event(number) for number in (1, 5, 4, 6)])
  assert lifetimes.of("ann") == (event(4), event(5), event(6))
  assert lifetimes.of("nobody") == ()
  lifetimes.close()


def test_who_leaves_is_in_no_byte_of_the_files(path):
  lifetimes = Lifetimes(path)
  for number in range(100):
    lifetimes.add([event(number, "a user to forget"), event(number, "bob")])
  assert lifetimes.remove("a user to forget") == 100
  assert lifetimes.remove("a user to forget") == 0
  for file in path.parent.iterdir():
    assert b"a user to forget" not in file.read_bytes()
  assert lifetimes.count("bob") == lifetimes.size == 100
  lifetimes.add([event(7, "a user to forget")])
  assert lifetimes.read("a user to forget", 0, 9) == [
    event(7, "a user to forget")
  ]
  lifetimes.close()


def test_events_of_many_threads_are_all_there(path):
  lifetimes = Lifetimes(path)
  with concurrent.futures.ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda n: lifetimes.add([event(n)] * 2), range(50)))
  read = lifetimes.read("ann", 0, 200)
  assert sorted(read) == sorted(event(n // 2) for n in range(100))
  lifetimes.close()


def test_a_disk_that_fails_takes_nothing_and_says_so(path):
  lifetimes = Lifetimes(path)
  lifetimes.add([event(0)])
  lifetimes._writer.execute("PRAGMA query_only = ON")
  with pytest.raises(NotWritten, match="cannot be written"):
    lifetimes.add([event(1), event(2)])
  assert "cannot be written" in str(lifetimes.trouble)
  with pytest.raises(NotWritten):
    lifetimes.remove("ann")
  lifetimes._writer.execute("PRAGMA query_only = OFF")
  lifetimes.add([event(3)])
  assert lifetimes.trouble is None
  assert lifetimes.read("ann", 0, 9) == [event(0), event(3)]
  lifetimes.close()


def test_a_file_of_something_else_is_named_and_left(path):
  path.write_bytes(b"no database at all" * 100)
  with pytest.raises(ValueError, match="put a backup in its place"):
    Lifetimes(path)
  assert path.read_bytes().startswith(b"no database")


_ADDER = """
  import pathlib, sys
  from gr_jax.serving.users.history_state import Event
  from gr_jax.serving.users.lifetimes import Lifetimes
  lifetimes = Lifetimes(pathlib.Path(sys.argv[1]))
  for number in range(10**9):
    lifetimes.add([Event("ann", f"A{number}", "order", float(number))])
    print(number, flush=True)
"""


def test_what_was_acknowledged_outlives_a_kill(path):
  with subprocess.Popen(
    [sys.executable, "-c", textwrap.dedent(_ADDER), path],
    stdout=subprocess.PIPE,
    text=True,
  ) as adder:
    for _ in range(50):
      adder.stdout.readline()
    adder.kill()
    acknowledged = 50 + len(adder.stdout.read().splitlines())
  lifetimes = Lifetimes(path)
  kept = lifetimes.read("ann", 0, 10**9)
  # The last one may have been killed between the disk and its word.
  assert len(kept) in (acknowledged, acknowledged + 1)
  assert kept == [event(number) for number in range(len(kept))]
  lifetimes.close()
