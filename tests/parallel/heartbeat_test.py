"""Beats say in few words where a host is."""

import math
import threading

import jax
import jax.numpy as jnp
import pytest

from gr_jax.parallel.heartbeat import (
  BETWEEN,
  COMPILES,
  STARTS,
  STEP,
  WRITES,
  Beat,
  Position,
  Verdict,
  seat,
)


@pytest.mark.parametrize(
  "beat",
  [Beat(1), Beat(2, 7, Position(1, 3, 2), STEP, "training", "here:1", True)],
)
def test_a_beat_is_read_as_it_was_written(beat):
  assert Beat.read(beat.text()) == beat
  verdict = Verdict(1, "error: no", 75)
  assert Verdict.read(verdict.text()) == verdict


def test_positions_are_ordered_as_a_run_passes_them():
  places = [
    Position(0, math.inf, 0),
    Position(1, 0, 0),
    Position(1, 0, 2),
    Position(1, 1, 0),
    Position(1, math.inf, 0),
    Position(2, 0, 0),
  ]
  assert sorted(places[::-1]) == places


@pytest.mark.parametrize(
  ("done", "state", "words"),
  [
    (7, STEP, "at step 8 of its training"),
    (0, STARTS, "at step 1 of its training"),
    (0, WRITES, "at step 1 of its training"),
    (7, COMPILES, "at step 8 of its training"),
    (7, WRITES, "at step 7 of its training, which is done"),
    (math.inf, BETWEEN, "after its training"),
  ],
)
def test_the_place_in_words(done, state, words):
  assert Beat(0, 1, Position(1, done, 0), state, "training").where == words


def test_before_any_step():
  assert Beat(0).where == "before any step"
  assert not Beat(0).inside


def test_a_seat_is_the_line_of_a_thread():
  here = seat(threading.get_ident())
  assert ":" in here.code
  assert not here.compiles
  assert seat(-1).code == ""


def test_a_seat_says_whether_jax_compiles():
  seen = []

  @jax.jit
  def traced(x):
    seen.append(seat(threading.get_ident()).compiles)
    return x

  traced(jnp.ones(3))
  assert seen == [True]
