"""A width follows the load: down at once, up after calm, and then it rests."""

import hypothesis
import hypothesis.strategies as st
import pytest

from gr_jax.serving.engine.load_policy import (
  Choice,
  Load,
  LoadPolicy,
  next_choice,
)

COSTS = (0.25, 0.5, 1.0, 1.6)
POLICY = LoadPolicy(target=0.1)
QUICK, NONE = (0.001,) * 4, (0.0,) * 4
START = Choice(2, calm_since=0.0, stepped=-10.0)


def load(now, foreseen=QUICK, *, demand=NONE, late=0.0):
  return Load(now, foreseen, demand, late)


def test_what_waits_decides_the_widest_at_once():
  for foreseen, level in (
    ((0.01, 0.02, 0.03, 0.05), 2),
    ((0.01, 0.02, 0.07, 0.08), 1),
    ((0.05, 0.07, 0.1, 0.2), 0),
    ((0.5, 0.7, 1.0, 2.0), 0),
  ):
    found = next_choice(POLICY, START, load(1.0, foreseen))
    assert found.level == level
    if level < 2:
      assert found == Choice(level, 1.0, 1.0)


def test_late_answers_step_down_once_until_that_shows():
  first = next_choice(POLICY, START, load(1.0, late=0.11))
  assert first.level == 1
  assert next_choice(POLICY, first, load(1.9, late=0.11)).level == 1
  assert next_choice(POLICY, first, load(2.0, late=0.11)).level == 0
  lowest = Choice(0, 0.0, 0.0)
  assert next_choice(POLICY, lowest, load(9.0, late=1.0)).level == 0


def test_a_step_up_takes_a_time_of_calm_and_an_idle_time_several():
  choice = Choice(0, calm_since=10.0)
  assert next_choice(POLICY, choice, load(11.9)).level == 0
  assert next_choice(POLICY, choice, load(12.0)) == Choice(1, 12.0)
  assert next_choice(POLICY, choice, load(14.5)) == Choice(2, 14.0)
  assert next_choice(POLICY, choice, load(99.0)) == Choice(3, 99.0)


@pytest.mark.parametrize(
  "against",
  [
    {"late": 0.061},
    {"demand": (0.1, 0.2, 0.4, 0.61)},
    {"foreseen": (0.01, 0.02, 0.03, 0.061)},
  ],
)
def test_whatever_speaks_against_a_step_up_begins_the_calm_anew(against):
  found = next_choice(POLICY, START, load(50.0, **against))
  assert found == START._replace(calm_since=50.0)
  assert next_choice(POLICY, found, load(51.9)).level == 2
  assert next_choice(POLICY, found, load(52.0)).level == 3


@hypothesis.given(
  rate=st.floats(0.0, 2.0),
  cost=st.floats(0.5, 2.0),
  level=st.integers(0, 3),
)
def test_a_constant_load_ends_at_one_width(rate, cost, level):
  choice, levels = Choice(level, 0.0), []
  seconds = [0.04 * cost * c for c in COSTS]
  demand = [rate * c for c in COSTS]
  for step in range(400):
    found = load(0.1 * step, seconds, demand=demand, late=seconds[choice.level])
    choice = next_choice(POLICY, choice, found)
    levels.append(choice.level)
  assert len(set(levels[-200:])) == 1
  assert seconds[levels[-1]] <= POLICY.reserve * POLICY.target


def test_a_target_is_a_time():
  with pytest.raises(ValueError, match="must be positive"):
    LoadPolicy(0.0)
