"""Bitmaps: PNGs as small pictures on white."""

import io

import numpy as np

WHITE = 1.0
_LEAST_INK = 0.1


def bitmap(png: bytes, *, side: int) -> np.ndarray | None:
  """Returns a picture `[side, side, 3]` float32 in [-1, 1], on white.

  What is not white is cut out, made square and resized with Lanczos' filter of
  three lobes, whose support grows with the reduction, in float32.

  Args:
    png: The bytes of an image, transparent or on white.
    side: The side of the result.

  Returns:
    None where all is white.

  Raises:
    ImportError: Pillow is missing.
    ValueError: the bytes are no image.
  """
  try:
    from PIL import Image
  except ModuleNotFoundError as error:
    raise ImportError(
      f"{error}; run `pip install '.[emoji]'` to read pictures of emoji."
    ) from error
  try:
    with Image.open(io.BytesIO(png)) as image:
      pixels = np.asarray(image.convert("RGBA"), np.float32) / 255
  except OSError as error:
    raise ValueError(f"a picture of {len(png)} bytes: {error}") from error
  # Ink is what a picture takes from white, in [-2, 0]; white is 0.
  ink = 2 * (pixels[..., :3] - 1) * pixels[..., 3:]
  rows, columns = np.nonzero(np.abs(ink).max(axis=-1) > _LEAST_INK)
  if not len(rows):
    return None
  ink = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
  height, width, _ = ink.shape
  spare = [(max(ink.shape) - length) for length in (height, width)]
  ink = np.pad(ink, [*((n // 2, n - n // 2) for n in spare), (0, 0)])
  channels = [
    Image.fromarray(np.ascontiguousarray(ink[..., c])).resize(
      (side, side), Image.Resampling.LANCZOS
    )
    for c in range(3)
  ]
  small = np.stack([np.asarray(channel) for channel in channels], axis=-1)
  return np.clip(WHITE + small, -1, 1).astype(np.float32)
