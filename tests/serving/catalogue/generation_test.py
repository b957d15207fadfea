"""How many IDs a generation has room for."""

from gr_jax.serving.catalogue.generation import capacity_for


def test_a_run_that_has_grown_keeps_the_room_while_half_of_it_is_left():
  before = capacity_for(1000, 1000, room=64, before=0)
  assert before == 1064
  assert capacity_for(1032, 1032, room=64, before=before) == before
  assert capacity_for(1033, 1033, room=64, before=before) == 1033 + 64


def test_a_reload_finds_the_room_that_a_restart_would():
  before = capacity_for(1000, 1000, room=64, before=0)
  # Most of the room is taken by what the log has added.
  assert capacity_for(1020, 1064, room=64, before=before) == before
  assert capacity_for(1020, 1065, room=64, before=before) == 1020 + 64
  assert capacity_for(1020, 1065, room=64, before=0) == 1020 + 64
