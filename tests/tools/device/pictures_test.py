"""Pictures of what was measured."""

from tools.device import pictures


def test_a_picture_of_nothing_says_so():
  assert "not measured" in pictures.draw([], "toy chip")
