"""A loop says where it is, and ends at the step that was agreed on."""

import math
import threading

import pytest

from gr_jax.parallel import liveness, preemption
from gr_jax.parallel.heartbeat import BETWEEN, STARTS, STEP, WRITES


@pytest.fixture
def shared():
  liveness.share(True)
  yield
  liveness.share(False)


def test_places_of_a_loop_rise():
  before = liveness.place()[0]
  loop = liveness.Loop("training", 4)
  places, states = [liveness.place()[0]], []
  for act in (loop.begins, loop.waits, lambda: loop.reached(5), loop.begins):
    act()
    places.append(liveness.place()[0])
    states.append(liveness.place()[1])
  assert liveness.current() is loop
  loop.close()
  position, state, name = liveness.place()
  assert [before, *places, position] == sorted({before, *places, position})
  # The first step of a loop may take longer.
  assert states == [STARTS, STARTS, WRITES, STEP]
  assert (state, name, position.done) == (BETWEEN, "training", math.inf)
  assert liveness.current() is None


def test_one_host_ends_at_its_next_step(monkeypatch):
  loop = liveness.Loop("training", 0)
  assert not loop.reached(1)
  monkeypatch.setattr(preemption, "noticed", lambda: True)
  assert loop.reached(2)
  assert "after step 2 of the training" in str(loop.stopped(2))
  loop.close()


def test_hosts_that_agree_end_at_that_step_alone(shared, monkeypatch):
  monkeypatch.setattr(preemption, "noticed", lambda: True)
  loop = liveness.Loop("training", 0)
  assert not loop.reached(1)
  assert loop.freeze() == 1
  found = []
  thread = threading.Thread(target=lambda: found.append(loop.reached(2)))
  thread.start()
  thread.join(0.05)
  assert thread.is_alive()  # It waits for the others.
  loop.thaw(3)
  thread.join()
  assert found == [False]
  assert loop.reached(3)
  # Samples that were drawn ahead are used before it ends.
  assert loop.reached(4)
  loop.close()


def test_the_loop_that_failed_is_known():
  loop = liveness.Loop("alignment", 0)
  try:
    raise ValueError("no")
  except ValueError:
    loop.close()
  assert liveness.failed() is loop
