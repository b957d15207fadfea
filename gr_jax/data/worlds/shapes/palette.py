"""Colors of shapes and backgrounds, chosen so that none can be mistaken.

The eight colors are the corners of the RGB cube [-1, 1]^3 and a background is a
gray near its center ([OURS]). What lies between a background and a corner, as
the soft edge of a shape does, then has the signs of that corner: an edge never
looks like a third color, and a color is read off three signs.
"""

import numpy as np

COLORS = (
  "black",
  "blue",
  "green",
  "cyan",
  "red",
  "purple",
  "yellow",
  "white",
)
# Row c has the bits of c as signs: red, green, blue.
CORNERS = np.array(
  [[2 * (c >> bit & 1) - 1 for bit in (2, 1, 0)] for c in range(8)], np.float32
)
BACKGROUNDS = ("gray", "dark", "light")
GRAYS = np.array([0.0, -0.3, 0.3], np.float32)
