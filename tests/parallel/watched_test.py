"""The watch over a run, where there is one host."""

import threading

from gr_jax import command_line
from gr_jax.parallel.watchdog import HostsConfig
from gr_jax.parallel.watched import leave, watched


def test_one_host_is_not_watched():
  before = set(threading.enumerate())
  with watched(HostsConfig(), command_line.one_line):
    assert set(threading.enumerate()) <= before
  leave(1)
