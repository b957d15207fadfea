"""One host's watch; the others are beats that the test writes."""

import re
import threading
import time

import pytest

from gr_jax.parallel import last_words, liveness, preemption, watchdog
from gr_jax.parallel.heartbeat import LEFT, STEP, Beat, Position, Verdict
from gr_jax.parallel.watchdog import HostsConfig, Watchdog
from tests.reference.memory_store import MemoryStore

LIMIT = 0.6


class Ended:
  """The end of a process: its exit code."""

  def __init__(self):
    self.code, self._event = None, threading.Event()

  def __call__(self, code):
    self.code = code
    self._event.set()

  def wait(self, seconds=10.0):
    assert self._event.wait(seconds)
    return self.code


@pytest.fixture
def store():
  found = MemoryStore()
  yield found
  found.waits.set()


@pytest.fixture
def watch(store, monkeypatch):
  monkeypatch.setattr(watchdog, "_LINGER", 0.2)
  made = []

  def make(*, host=0, limit=LIMIT):
    made.append(Watchdog(store, host=host, count=2, limit=limit, end=Ended()))
    return made[-1]

  yield make
  store.waits.set()
  for one in made:
    one.stop()


def says(store, host, number=0, done=7, state=STEP):
  place = Position(1, done, 1)
  beat = Beat(host, number, place, state, "training", "here:1")
  store.put(f"beats/{host}", beat.text())


def verdict(store):
  return Verdict.read(store.read("verdict")["first"])


def test_a_silent_host_ends_the_run(store, watch, capsys):
  one = watch()
  says(store, 1)
  one.start()
  assert one._end.wait() == preemption.EXIT_CODE
  assert verdict(store).host == 1
  printed = capsys.readouterr().err.strip()
  assert printed == verdict(store).line
  assert re.match(
    r"error: host 1 is lost: nothing of it for \d s, and it was last heard of "
    r"at step 8 of its training;",
    printed,
  )


def test_a_host_that_beats_does_not(store, watch):
  one = watch(limit=2)
  one.start()
  for number in range(40):
    says(store, 1, number, done=number)
    time.sleep(2.4 / 40)
  assert one._end.code is None


def test_a_process_that_was_stopped_itself_blames_nobody(
  store, watch, monkeypatch
):
  ahead, now = [0.0], time.monotonic
  monkeypatch.setattr(watchdog.time, "monotonic", lambda: now() + ahead[0])
  one = watch(limit=4)
  says(store, 1)
  one.start()
  time.sleep(0.3)
  ahead[0] = 1000.0
  time.sleep(0.7)
  assert one._end.code is None


def test_without_a_limit_nobody_is_judged(store, watch):
  one = watch(limit=0)
  says(store, 1)
  one._period = 0.01
  one.start()
  time.sleep(0.3)
  assert one._end.code is None


def test_the_verdict_of_another_is_obeyed(store, watch, capsys):
  one = watch(host=1)
  store.put("verdict/first", Verdict(0, "error: host 0 stopped", 1).text())
  one.start()
  assert one._end.wait() == 1
  assert capsys.readouterr().err == "\nerror: host 0 stopped\n"
  assert Beat.read(store.read("beats")["1"]).state == LEFT


def test_the_first_host_is_lost_where_its_store_stands_still(
  store, watch, capsys
):
  one = watch(host=1)
  says(store, 0)
  one.start()
  time.sleep(LIMIT / 4)
  store.waits.clear()
  assert one._end.wait() == preemption.EXIT_CODE
  assert "host 0 is lost: it does not answer" in capsys.readouterr().err


def test_an_error_is_the_verdict_on_its_own_host(store, watch, capsys):
  one = watch(limit=40)
  one.start()
  loop = liveness.Loop("training", 7)
  loop.begins()
  try:
    raise ValueError
  except ValueError:
    loop.close()
  one.fail("this row is no number")
  found = verdict(store)
  assert (found.host, found.code) == (0, 1)
  assert found.line == (
    "error: host 0 stopped at step 8 of its training: this row is no number"
  )
  # Its own main prints its error, and ends it.
  assert one._end.code is None
  assert capsys.readouterr().err == ""
  assert Beat.read(store.read("beats")["0"]).state == LEFT


def test_an_error_that_another_host_caused_is_that_host_s(
  store, watch, monkeypatch
):
  monkeypatch.setattr(watchdog, "_LINGER", 1.0)
  one = watch()
  says(store, 1)
  one.start()
  one.fail("UNKNOWN: Gloo all-reduce failed: Connection closed by peer")
  assert one._end.code == preemption.EXIT_CODE
  assert verdict(store).host == 1


def test_the_first_host_lets_all_others_go_before(store, watch, monkeypatch):
  monkeypatch.setattr(watchdog, "_LINGER", 10.0)
  one, left = watch(), []
  says(store, 1)
  thread = threading.Thread(target=lambda: left.append(one.leave()))
  thread.start()
  thread.join(0.05)
  assert not left
  says(store, 1, state=LEFT)
  thread.join(5)
  assert left


def test_sigterm_between_loops_ends_all(store, watch, capsys, monkeypatch):
  monkeypatch.setattr(preemption, "noticed", lambda: True)
  one = watch(limit=40)
  one._period = 0.01
  store.put("beats/1", Beat(1).text())
  one.start()
  assert one._end.wait() == 75
  assert "stopped by SIGTERM to host 0 between two" in capsys.readouterr().err


def test_last_words_are_for_a_first_host_that_is_gone(watch, monkeypatch):
  one = watch(host=1)
  monkeypatch.setattr(watchdog.private_jax, "coordinator", lambda: "here:1")
  monkeypatch.setattr(last_words, "answers", lambda address: True)
  assert one.words() is None
  monkeypatch.setattr(last_words, "answers", lambda address: False)
  line, code = one.words()
  assert line.startswith("error: host 0 is lost: its connections ended")
  assert code == 75


def test_where_the_first_host_answers_they_are_for_the_quietest(
  watch, monkeypatch
):
  one = watch()
  monkeypatch.setattr(watchdog.private_jax, "coordinator", lambda: "here:1")
  monkeypatch.setattr(last_words, "answers", lambda address: True)
  monkeypatch.setattr(
    one._judge, "quietest", lambda now: (Beat(2, loop="training"), 23.4)
  )
  line, code = one.words()
  assert line.startswith("error: host 2 is lost: nothing of it for 23 s")
  assert code == 75
  monkeypatch.setattr(one._judge, "quietest", lambda now: (Beat(2), 1.0))
  assert one.words() is None


def test_a_limit_below_zero_is_refused():
  with pytest.raises(ValueError, match=r"hosts.limit is -1"):
    HostsConfig(limit=-1)
