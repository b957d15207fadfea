"""Real processes of which one is lost, stuck, fails or gets SIGTERM."""

import json
import re
import signal

import numpy as np
import pytest

from gr_jax.parallel.preemption import EXIT_CODE
from gr_jax.training.metric_writer import read_metrics
from tests.reference.several_hosts import fault, watched

# A step takes as long as several beats, as those of models do.
SLOW = "--config.step_seconds=0.3"
SECONDS = 60


def figures(folder):
  """Weights and rows of metrics."""
  training = folder / "training"
  weights = json.loads((training / "result.json").read_text())
  rows = read_metrics(training / "metrics.jsonl")
  return weights, {row["step"]: row["train/loss"] for row in rows}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
  """The figures of one undisturbed process with four devices."""
  folder = tmp_path_factory.mktemp("one") / "run"
  (ended,) = watched(folder, hosts=1, devices=4)
  assert ended.code == 0, ended.error
  return figures(folder)


def same_figures(folder, one):
  weights, losses = figures(folder)
  np.testing.assert_allclose(weights, one[0], rtol=1e-6)
  assert losses.keys() == one[1].keys() == set(range(12))
  np.testing.assert_allclose(
    [losses[s] for s in range(12)], [one[1][s] for s in range(12)], rtol=1e-6
  )


def goes_on(folder, one, *, hosts):
  """The same command again comes to the figures of an undisturbed run."""
  again = watched(folder, hosts=hosts, devices=4 // hosts)
  assert [host.code for host in again] == [0] * hosts, again
  assert "training: goes on in" in again[0].error
  same_figures(folder, one)
  return again


def lost(folder, kind, *, hosts, host, words, limit=10.0, **options):
  """All others end within a minute and name the host and its step."""
  ended = watched(
    folder, *fault(kind, host=host, step=8), SLOW,
    f"--config.hosts.limit={limit}", hosts=hosts, devices=4 // hosts, **options,
  )  # fmt: skip
  for number, one in enumerate(ended):
    if number == host:
      continue
    assert one.code == EXIT_CODE, one
    assert one.seconds < SECONDS
    assert one.last.startswith(f"error: host {host} is {words}"), one
    # Of a host that is lost, what its last beat said.
    steps = "8" if words == "stuck" else "[3-8]"
    assert re.search(f" at step {steps} of its training[ ;,]", one.last), one
    assert one.last.endswith(
      "the same command goes on from the last checkpoint."
    )
  return ended


@pytest.mark.slow
def test_a_host_that_sleeps_inside_a_step_ends_both(tmp_path):
  ended = lost(tmp_path / "run", "sleeps", hosts=2, host=1, words="stuck")
  assert ended[1].code == EXIT_CODE
  assert "it is at experiments.watched:" in ended[0].last


def test_sigterm_to_one_host_saves_the_same_step_on_both(tmp_path, one):
  folder = tmp_path / "run"
  ended = watched(
    folder, *fault("terminated", host=1, step=7), "--config.step_seconds=0.5",
    "--config.hosts.limit=10", hosts=2, devices=2,
  )  # fmt: skip
  assert [host.code for host in ended] == [EXIT_CODE] * 2, ended
  assert ended[0].last == ended[1].last
  assert ended[0].last.startswith("stopped by SIGTERM after step ")
  saved = int(ended[0].last.split()[5])
  assert 7 <= saved < 12
  assert (folder / "training" / "checkpoints" / str(saved)).is_dir()
  again = goes_on(folder, one, hosts=2)
  # No step is made twice.
  made = re.findall(r"step (\d+)\n", again[0].error)
  assert list(map(int, made)) == list(range(saved + 1, 13))


@pytest.mark.slow
@pytest.mark.parametrize("hosts", [2, 4])
def test_several_hosts_give_the_figures_of_one(tmp_path, one, hosts):
  ended = watched(tmp_path / "run", hosts=hosts, devices=4 // hosts)
  assert [host.code for host in ended] == [0] * hosts, ended
  same_figures(tmp_path / "run", one)


@pytest.mark.slow
@pytest.mark.parametrize(("hosts", "host"), [(2, 0), (2, 1), (4, 2)])
def test_a_host_that_is_killed_ends_the_others(tmp_path, one, hosts, host):
  ended = lost(tmp_path / "run", "killed", hosts=hosts, host=host, words="lost")
  assert ended[host].code == -signal.SIGKILL
  goes_on(tmp_path / "run", one, hosts=hosts)


@pytest.mark.slow
@pytest.mark.parametrize("host", [0, 1])
def test_a_host_that_is_stopped_ends_the_other(tmp_path, host):
  folder = tmp_path / "run"
  lost(folder, "stopped", hosts=2, host=host, words="lost", never_end=[host])


@pytest.mark.slow
@pytest.mark.parametrize(("hosts", "host"), [(2, 0), (4, 3)])
def test_a_host_that_sleeps_ends_all(tmp_path, one, hosts, host):
  ended = lost(
    tmp_path / "run", "sleeps", hosts=hosts, host=host, words="stuck"
  )
  assert [one.code for one in ended] == [EXIT_CODE] * hosts
  goes_on(tmp_path / "run", one, hosts=hosts)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["killed", "sleeps"])
def test_the_limit_that_runs_have_ends_them_within_a_minute(tmp_path, kind):
  words = {"killed": "lost", "sleeps": "stuck"}[kind]
  lost(tmp_path / "run", kind, hosts=2, host=1, words=words, limit=40.0)


@pytest.mark.slow
@pytest.mark.parametrize(
  ("kind", "step", "where"),
  [
    ("killed", 0, "before any step"),
    ("killed", 1, "at step 1 of its training"),
    ("stopped", 1, "at step 1 of its training"),
  ],
)
def test_before_its_second_step_a_host_is_lost_within_a_minute(
  tmp_path, kind, step, where
):
  ended = watched(
    tmp_path / "run", *fault(kind, host=1, step=step),
    "--config.step_seconds=3", hosts=2, devices=2, never_end=[1],
  )  # fmt: skip
  assert ended[0].code == EXIT_CODE, ended
  assert ended[0].seconds < SECONDS
  assert ended[0].last.startswith("error: host 1 is lost: nothing of it for ")
  assert where in ended[0].last


@pytest.mark.slow
@pytest.mark.parametrize(("hosts", "host"), [(2, 0), (2, 1), (4, 1)])
def test_an_error_of_one_host_ends_the_others(tmp_path, one, hosts, host):
  ended = watched(
    tmp_path / "run", *fault("raises", host=host, step=8), SLOW,
    hosts=hosts, devices=4 // hosts,
  )  # fmt: skip
  for number, found in enumerate(ended):
    assert found.code == 1, found
    assert found.seconds < SECONDS
    error = "this row is no number"
    if number != host:
      error = f"host {host} stopped at step 8 of its training: {error}"
    assert found.last == f"error: {error}"
  goes_on(tmp_path / "run", one, hosts=hosts)


@pytest.mark.slow
@pytest.mark.parametrize("hosts", [1, 4])
def test_sigterm_loses_no_step(tmp_path, one, hosts):
  folder = tmp_path / "run"
  ended = watched(
    folder, *fault("terminated", host=0, step=5), "--config.step_seconds=1",
    hosts=hosts, devices=4 // hosts,
  )  # fmt: skip
  assert [host.code for host in ended] == [EXIT_CODE] * hosts, ended
  assert {host.last for host in ended} == {ended[0].last}
  saved = int(ended[0].last.split()[5])
  assert (folder / "training" / "checkpoints" / str(saved)).is_dir()
  goes_on(folder, one, hosts=hosts)
