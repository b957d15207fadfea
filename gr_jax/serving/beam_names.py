"""The beams of a server as people write them.

A beam that keeps as many IDs after every level is their number: 50. One with a
width for each level is the widths with colons between: 128:256:512.
"""

from collections.abc import Sequence

from gr_jax.decoding.beams import BeamSize, answer_size


def beam_name(beam: BeamSize) -> int | str:
  """The beam as a body of JSON names it, and an answer."""
  return beam if isinstance(beam, int) else ":".join(map(str, beam))


def read_beams(text: str) -> tuple[BeamSize, ...]:
  """The beams that a text lists with commas: `128:256:512,50`.

  Raises:
    ValueError: a width that is no positive number, or a beam named twice.
  """
  found = tuple(_read_beam(part) for part in text.split(","))
  if len(set(found)) < len(found):
    raise ValueError(f"beam {text!r} is named twice.")
  return found


def _read_beam(text: str) -> BeamSize:
  parts = text.split(":")
  if not all(part.isdecimal() and int(part) for part in parts):
    raise ValueError(
      f"beam {text!r}: give positive numbers, 50, or one for every level, "
      "128:256:512."
    )
  widths = tuple(map(int, parts))
  return widths[0] if len(widths) == 1 else widths


def narrowest_first(beams: Sequence[BeamSize]) -> tuple[BeamSize, ...]:
  """The beams of one server, those first that decode the fewest positions.

  What the last level keeps is decoded no further.
  """

  def cost(beam: BeamSize) -> tuple[float, int]:
    decoded = (beam,) if isinstance(beam, int) else beam[:-1] or beam
    return sum(decoded) / len(decoded), answer_size(beam)

  return tuple(sorted(beams, key=cost))
