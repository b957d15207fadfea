"""What is found was written so, whatever happens to processes and the file."""

import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gr_jax.retrieval.lifelong.state_store import StateStore, Stored

SHAPE = (2, 3)


class Clock:
  """Seconds that a test counts."""

  def __init__(self):
    self.now = 1_000_000.0

  def __call__(self):
    self.now += 1
    return self.now


@pytest.fixture
def path(tmp_path):
  return tmp_path / "states"


def opened(path, version="one", shape=SHAPE, **options):
  return StateStore(path, version=version, shape=shape, **options)


def state(number, shape=SHAPE):
  """A state that says of itself whether it is whole."""
  return Stored(number, 2 * number, np.full(shape, number, float))


def is_whole(found):
  return found.mark == 2 * found.events and np.all(found.state == found.events)


def test_what_was_put_is_found_also_after_a_restart(path):
  store = opened(path)
  assert store.get(["ann", "bob"]) == [None, None]
  store.put({"ann": state(3), "bob": state(4)})
  store.put({"ann": state(5)})
  for reader in (store, opened(path)):
    ann, nobody, bob = reader.get(["ann", "nobody", "bob"])
    assert (ann.events, nobody, bob.events) == (5, None, 4)
    assert is_whole(ann)
    assert is_whole(bob)
  store.close()
  assert store.get(["ann"]) == [None]
  assert store.damaged == 0


def test_a_state_of_another_model_is_not_found(path):
  opened(path).put({"ann": state(3)})
  other = opened(path, version="two")
  assert other.get(["ann"]) == [None]
  other.put({"ann": state(7)})
  assert opened(path).get(["ann"])[0].events == 3
  assert opened(path, shape=(3, 2)).get(["ann"]) == [None]
  with pytest.raises(ValueError, match=r"\(2, 3\)"):
    opened(path, shape=(3, 2)).put({"ann": state(3)})


def test_who_is_removed_is_in_no_byte_of_the_file(path):
  store = opened(path)
  kept = np.arange(6.0).reshape(SHAPE) + 0.123
  store.put({"ann": Stored(1, 1, kept), "bob": state(2)})
  opened(path, version="two").put({"ann": Stored(1, 1, kept)})
  files = [path, path.with_name("states-wal")]
  assert any(kept.tobytes() in each.read_bytes() for each in files)
  assert not any(b"ann" in each.read_bytes() for each in files)
  store.remove("ann")
  assert store.get(["ann"]) == [None]
  assert store.get(["bob"])[0].events == 2
  assert opened(path, version="two").get(["ann"]) == [None]
  assert not any(kept.tobytes() in each.read_bytes() for each in files)


def test_the_least_recently_used_leave_a_file_that_is_full(path):
  clock, shape = Clock(), (2048,)
  store = opened(path, shape=shape, max_bytes=400_000, clock=clock)
  for number in range(100):
    store.put({str(number): state(number, shape)})
    clock.now += 1000
    store.get(["3"])
    assert store.size <= 400_000
  left = [at for at in range(100) if store.get([str(at)])[0] is not None]
  assert 10 < len(left) < 25
  assert left == [3, *range(101 - len(left), 100)]
  assert path.stat().st_size < 450_000


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_a_damaged_file_gives_nothing_wrong_and_goes_on(seed):
  drawn = random.Random(seed)
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "states"
    users = [str(number) for number in range(40)]
    store = opened(path, shape=(256,))
    store.put({user: state(int(user), (256,)) for user in users})
    store.close()
    data = bytearray(path.read_bytes())
    kind = drawn.choice(["flips", "zeros", "cut"])
    if kind == "flips":
      for _ in range(drawn.choice([1, 20])):
        data[drawn.randrange(len(data))] ^= 1 << drawn.randrange(8)
    elif kind == "zeros":
      first = drawn.randrange(len(data))
      data[first : first + 4096] = bytes(len(data[first : first + 4096]))
    else:
      del data[drawn.randrange(len(data)) :]
    path.write_bytes(data)
    for _ in range(8):
      store = opened(path, shape=(256,))
      found = store.get(users)
      for user, each in zip(users, found):
        assert each is None or (each.events == int(user) and is_whole(each))
      store.put({user: state(int(user), (256,)) for user in users})
      store.close()
    # Damage where nobody read before may show late.
    assert any(each is not None for each in found)


def test_a_state_that_was_changed_is_named_and_taken_out(path, capsys):
  store = opened(path)
  store.put({"ann": state(3), "bob": state(4)})
  with sqlite3.connect(path) as database:
    database.execute("UPDATE states SET events = 4 WHERE events = 3")
  assert store.get(["ann"]) == [None]
  assert store.get(["bob"])[0].events == 4
  assert store.damaged == 1
  assert "is damaged: redone" in capsys.readouterr().err
  assert store.get(["ann"]) == [None]
  assert store.damaged == 1


def test_a_file_that_is_none_of_states_is_put_aside(path, capsys):
  path.write_bytes(b"not at all a database" * 500)
  store = opened(path)
  store.put({"ann": state(3)})
  assert store.get(["ann"])[0].events == 3
  assert path.with_name("states.damaged").exists()
  assert "put aside as states.damaged" in capsys.readouterr().err


def test_a_database_of_something_else_is_left_alone(path):
  with sqlite3.connect(path) as database:
    database.execute("CREATE TABLE letters (letter TEXT)")
  with pytest.raises(ValueError, match="something else"):
    opened(path)
  with sqlite3.connect(path) as database:
    database.execute("SELECT * FROM letters")


def test_a_disk_that_is_gone_stops_nobody(tmp_path, capsys):
  store = opened(tmp_path / "missing" / "states")
  store.put({"ann": state(3)})
  assert store.get(["ann"]) == [None]
  assert store.size == store.damaged == 0
  # Once, not at every request.
  assert capsys.readouterr().err.count("cannot be used") == 1
  (tmp_path / "missing").mkdir()
  store.put({"ann": state(3)})
  assert store.get(["ann"])[0].events == 3


# Processes that write for ever states which say whether they are whole.
_WRITER = """
  import random, sys
  import numpy as np
  from gr_jax.retrieval.lifelong.state_store import StateStore, Stored
  store = StateStore(sys.argv[1], version="one", shape=(2048,))
  drawn = random.Random(sys.argv[2])
  print("ready", flush=True)
  while True:
    numbers = drawn.sample(range(1, 1000), 3)
    users = drawn.sample(range(20), 3)
    store.put({
      str(user): Stored(number, 2 * number, np.full(2048, float(number)))
      for user, number in zip(users, numbers)
    })
    for found in store.get([str(user) for user in range(20)]):
      assert found is None or np.all(found.state == found.events)
    assert not store.damaged
"""


def written(path, seed):
  code = textwrap.dedent(_WRITER)
  return subprocess.Popen(
    [sys.executable, "-c", code, path, str(seed)],
    stdout=subprocess.PIPE,
    text=True,
  )


def test_processes_write_one_file(path):
  writers = [written(path, seed) for seed in range(3)]
  try:
    for writer in writers:
      assert writer.stdout.readline() == "ready\n"
    time.sleep(1)
    assert [writer.poll() for writer in writers] == [None] * 3
  finally:
    for writer in writers:
      writer.kill()
      writer.communicate()
  check(path)


def check(path):
  with sqlite3.connect(path) as database:
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
  store = opened(path, shape=(2048,))
  found = store.get([str(user) for user in range(20)])
  assert all(each is None or is_whole(each) for each in found)
  assert any(found)
  assert store.damaged == 0
  store.close()


# A process that forks children, each killed as it writes: 1,000 of Python's
# own starts would take minutes.
_KILLED = """
  import os, random, signal, sys, time
  import numpy as np
  from gr_jax.retrieval.lifelong.state_store import StateStore, Stored
  path, kills = sys.argv[1], int(sys.argv[2])
  drawn, users = random.Random(0), [str(user) for user in range(20)]

  def write(seed, began):
    drawn = random.Random(seed)
    store = StateStore(path, version="one", shape=(2048,))
    while True:
      number = drawn.randrange(1, 1000)
      state = Stored(number, 2 * number, np.full(2048, float(number)))
      store.put({user: state for user in drawn.sample(users, 3)})
      os.write(began, b".")

  found = 0
  for kill in range(kills):
    began, told = os.pipe()
    child = os.fork()
    if not child:
      write(kill, told)
    # It has written and goes on to write.
    assert os.read(began, 1) == b"."
    time.sleep(drawn.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    os.close(began)
    os.close(told)
    store = StateStore(path, version="one", shape=(2048,))
    for each in store.get(users):
      if each is not None:
        found += 1
        assert each.mark == 2 * each.events
        assert np.all(each.state == each.events)
    assert not store.damaged
    store.close()
  print(found)
"""


def kill_writers(path, kills):
  code = textwrap.dedent(_KILLED)
  run = subprocess.run(
    [sys.executable, "-c", code, path, str(kills)],
    stdout=subprocess.PIPE,
    text=True,
    check=True,
  )
  assert int(run.stdout) >= 3 * kills
  check(path)


def test_nothing_half_written_is_read_after_kills(path):
  kill_writers(path, 20)


@pytest.mark.slow
def test_nothing_half_written_is_read_after_a_thousand_kills(path):
  kill_writers(path, 1000)
