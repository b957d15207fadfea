import itertools
from unittest import mock

import jax.numpy as jnp
import pytest

from gr_jax.training import progress
from gr_jax.training.metric_writer import read_metrics


@pytest.fixture
def clock():
  """A clock that moves by a second a reading."""
  with mock.patch.object(progress.time, "perf_counter") as now:
    now.side_effect = itertools.count(0.0)
    yield now


def test_a_rate_leaves_out_the_first_step_and_what_is_no_step(clock):
  rate = progress.Rate()
  assert rate.take() is None
  rate.add()  # Compiles: the clock begins.
  assert rate.take() is None
  rate.add()
  rate.add()
  rate.add()
  assert rate.take() == pytest.approx(1 / 3)
  rate.add()
  clock.side_effect = itertools.count(100.0)  # An evaluation.
  rate.restart()
  rate.add()
  assert rate.take() == 1.0


def test_the_log_has_rows_of_both_losses_and_the_bar_shows_them(tmp_path):
  log = progress.TrainingLog(
    tmp_path, first=3, steps=9, speed=lambda seconds: {"train/speed": 1.0}
  )
  log.write(3, {"train/loss": jnp.float32(2.5)})
  assert "loss 2.500" in log.bar.postfix
  log.write_held_out(3, {"valid/loss": 3.25, "valid/loss_1": 1.0})
  assert log.bar.postfix == "loss 2.500, held out 3.250"
  assert (log.bar.n, log.bar.total) == (3, 9)
  log.close()
  assert read_metrics(tmp_path / "metrics.jsonl") == [
    {"step": 3, "train/loss": 2.5},
    {"step": 3, "valid/loss": 3.25, "valid/loss_1": 1.0},
  ]


def test_the_speed_is_that_of_the_steps_since_the_last_row(tmp_path):
  log = progress.TrainingLog(
    tmp_path, first=0, steps=9, speed=lambda seconds: {"train/seconds": seconds}
  )
  for step in range(3):
    log.rate.add()
    log.write(step, {"train/loss": 1.0})
  log.close()
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert ["train/seconds" in row for row in rows] == [False, True, True]
