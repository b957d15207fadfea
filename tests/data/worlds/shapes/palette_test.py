"""Colors that an edge cannot mistake."""

import numpy as np

from gr_jax.data.worlds.shapes.palette import (
  BACKGROUNDS,
  COLORS,
  CORNERS,
  GRAYS,
)


def test_a_mixture_of_color_and_background_is_nearest_to_one_of_the_two():
  palette = np.concatenate([np.tile(GRAYS[:, None], 3), CORNERS])
  for gray in GRAYS:
    for corner in CORNERS:
      for alpha in np.linspace(0, 1, 41):
        mixture = (1 - alpha) * gray + alpha * corner
        distance = np.linalg.norm(palette - mixture, axis=1)
        nearest = distance.argmin()
        assert nearest < len(GRAYS) or np.array_equal(palette[nearest], corner)


def test_names_say_the_channels_that_are_on():
  rgb = dict(zip(COLORS, CORNERS.tolist()))
  assert rgb["red"] == [1, -1, -1]
  assert rgb["green"] == [-1, 1, -1]
  assert rgb["blue"] == [-1, -1, 1]
  assert rgb["yellow"] == [1, 1, -1]
  assert rgb["purple"] == [1, -1, 1]
  assert rgb["cyan"] == [-1, 1, 1]
  assert rgb["black"] == [-1] * 3
  assert rgb["white"] == [1] * 3
  gray = dict(zip(BACKGROUNDS, GRAYS.tolist()))
  assert gray["dark"] < gray["gray"] < gray["light"]
