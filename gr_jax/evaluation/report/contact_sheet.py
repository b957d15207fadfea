"""Many small pictures with their captions, as one figure."""

import textwrap
from collections.abc import Sequence

import numpy as np

from gr_jax.evaluation.report import page, svg

_COLUMN_INCHES = 1.5
_WRAP = 24


def contact_sheet(
  pictures: np.ndarray, captions: Sequence[str], *, columns: int = 6
) -> page.Figure:
  """Draws pictures in rows, each under its caption.

  Args:
    pictures: `[B, H, W, 3]` in [-1, 1]; what is outside is clipped.
    captions: B texts.
    columns: The pictures of a row.

  Raises:
    ValueError: no picture, or another number of captions.
  """
  pictures = np.asarray(pictures)
  if not 0 < len(pictures) == len(captions):
    raise ValueError(
      f"{len(pictures)} pictures and {len(captions)} captions; give at least "
      "one picture and a caption for each."
    )
  columns = min(columns, len(pictures))
  with svg.drawing("contact_sheet"):
    figure, axes = svg.panels(
      len(pictures),
      width=_COLUMN_INCHES * columns,
      height=_COLUMN_INCHES + 0.8,
      columns=columns,
    )
    for panel, picture, caption in zip(axes, pictures, captions):
      panel.imshow((np.clip(picture, -1, 1) + 1) / 2, interpolation="nearest")
      panel.set_axis_off()
      text = textwrap.fill(caption, _WRAP)
      panel.set_title(
        text, fontsize=7, fontweight="normal", loc="center", pad=3
      )
    label = "Pictures of: " + "; ".join(captions)
    return page.Figure(
      svg.to_svg(figure, label=label), "Pictures, each under its caption."
    )
