"""Removed items keep their IDs the latest ones longest."""

import pytest

from gr_jax.serving.catalogue.log_state import LogState
from gr_jax.serving.catalogue.room import Room

NAMES = [f"i{n}" for n in range(40)]


@pytest.fixture(scope="module")
def state():
  items = [
    {"item_id": n, "text": n, "codes": [n_]} for n_, n in enumerate(NAMES)
  ]
  return LogState([{"mark": "m", "add": items}, {"remove": NAMES[:30]}])


@pytest.mark.parametrize(
  ("room", "remembered", "expected"),
  [(40, None, 20), (40, 28, 2), (40, 0, 30), (400, None, 0)],
)
def test_the_latest_are_remembered(state, room, remembered, expected):
  found = Room(room, remembered)
  assert found.forgettable(state) == NAMES[:expected]
  assert found.left(7, state) == 7 + expected


def test_the_end_of_the_room_is_said_once_each_time_that_it_comes(capsys):
  room, said = Room(40), []
  for left in (5, 4, 3, 5, 4):
    room.warn(left)
    said.append("larger --room" in capsys.readouterr().err)
  assert said == [False, True, False, False, True]
