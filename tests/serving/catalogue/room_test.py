"""Removed items keep their IDs the latest ones longest."""

import pytest

from gr_jax.serving.catalogue.log_state import LogState
from gr_jax.serving.catalogue.room import forgettable, is_scarce

NAMES = [f"i{n}" for n in range(40)]


@pytest.fixture(scope="module")
def state():
  items = [
    {"item_id": n, "text": n, "codes": [n_]} for n_, n in enumerate(NAMES)
  ]
  return LogState([{"mark": "m", "add": items}, {"remove": NAMES[:30]}])


def test_the_latest_are_remembered(state):
  assert forgettable(state, room=40, remembered=None) == NAMES[:20]
  assert forgettable(state, room=40, remembered=28) == NAMES[:2]
  assert forgettable(state, room=40, remembered=0) == NAMES[:30]
  assert forgettable(state, room=400, remembered=None) == []


def test_an_eighth_of_the_room_is_scarce():
  assert [is_scarce(left, 40) for left in (4, 5)] == [True, False]
