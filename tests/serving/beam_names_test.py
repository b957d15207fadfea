"""Beams as people write them."""

import pytest

from gr_jax.serving.beam_names import beam_name, narrowest_first, read_beams


def test_a_beam_is_a_number_or_the_widths_of_its_levels():
  beams = read_beams("128:256:512,50,1")
  assert beams == ((128, 256, 512), 50, 1)
  assert [beam_name(beam) for beam in beams] == ["128:256:512", 50, 1]


@pytest.mark.parametrize("text", ["", "0", "5,5", "5:0", "5:,4", "5:5,5:5"])
def test_what_names_no_beam_or_one_twice_is_refused(text):
  with pytest.raises(ValueError):  # noqa: PT011
    read_beams(text)


def test_the_narrowest_decodes_the_fewest_positions():
  """What the last level keeps is decoded no further."""
  beams = (64, (16, 32, 512), (64, 64, 32), 8)
  assert narrowest_first(beams) == (8, (16, 32, 512), (64, 64, 32), 64)
