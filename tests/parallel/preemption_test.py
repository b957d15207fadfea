"""SIGTERM to this process, which its handler turns into an exception."""

import signal
import subprocess
import sys

import pytest

from gr_jax.parallel import hosts, preemption


@pytest.fixture(autouse=True)
def handled():
  with preemption.handled():
    yield


def terminate():
  signal.raise_signal(signal.SIGTERM)


def test_between_two_steps_it_stops_at_once():
  with pytest.raises(preemption.Preempted, match="the same command goes on"):
    terminate()


def test_inside_a_loop_it_is_noticed_and_nothing_is_stopped():
  holder = object()
  preemption.hold(holder)
  assert not preemption.noticed()
  terminate()
  assert preemption.noticed()
  preemption.check()
  preemption.release(holder)
  with pytest.raises(preemption.Preempted):
    hosts.wait_for_all("the next stage")


def test_what_was_there_before_comes_back():
  before = signal.getsignal(signal.SIGTERM)
  with preemption.handled():
    assert signal.getsignal(signal.SIGTERM) is not before
  assert signal.getsignal(signal.SIGTERM) is before
  assert not preemption.noticed()


def test_it_is_no_exception_that_work_may_go_on_after():
  assert not issubclass(preemption.Preempted, Exception)


def test_a_forked_child_just_ends():
  code = """
import os, signal, time
from gr_jax.parallel import preemption
with preemption.handled():
  child = os.fork()
  if child == 0:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
  print(os.WTERMSIG(os.waitpid(child, 0)[1]))
"""
  found = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True
  )
  assert (found.stdout, found.stderr) == (f"{int(signal.SIGTERM)}\n", "")


def test_the_code_means_try_again(capsys):
  assert preemption.say(preemption.Preempted("stopped.")) == 75
  assert capsys.readouterr().err == "stopped.\n"
