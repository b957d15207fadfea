"""A process starts with its settings before JAX does."""

import jax
import pytest

from gr_jax.parallel import start as starting


@pytest.fixture
def calls(monkeypatch):
  made = []
  monkeypatch.setattr(starting, "keep_freed_memory", lambda: True)
  monkeypatch.setattr(
    jax.distributed, "initialize", lambda **options: made.append(options)
  )
  for name in ("COORDINATOR_ADDRESS", "NUM_PROCESSES", "PROCESS_ID"):
    monkeypatch.delenv(f"JAX_{name}", raising=False)
  return made


def test_one_machine_starts_alone(calls):
  starting.start()
  assert calls == []


def test_announced_hosts_are_joined(calls, monkeypatch):
  monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "localhost:1234")
  monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
  monkeypatch.setenv("JAX_PROCESS_ID", "1")
  starting.start()
  assert calls == [
    {
      "coordinator_address": "localhost:1234",
      "num_processes": 2,
      "process_id": 1,
    }
  ]
