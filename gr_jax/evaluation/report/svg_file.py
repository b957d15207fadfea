"""A picture of the report as a file of its own."""

import re

from gr_jax.evaluation.report import page_style

_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def standing_alone(drawn: str) -> str:
  """An element of `svg.to_svg` with its namespace, size and colours.

  Raises:
    ValueError: for text that is no such element.
  """
  size = _SIZE.search(drawn)
  if not drawn.startswith("<svg ") or size is None:
    raise ValueError(f"not a picture of the report: {drawn[:60]!r}")
  colors = page_style.CSS.partition("* {")[0]
  style = (
    f"<style>{colors}"
    "svg { font-family: system-ui, sans-serif; background: var(--card) }"
    "</style>"
  )
  # The picture is drawn in points, 72 an inch; files are shown at 100.
  width, height = (round(float(side) / 72 * 100) for side in size.groups())
  names = (
    'xmlns="http://www.w3.org/2000/svg" '
    'xmlns:xlink="http://www.w3.org/1999/xlink" '
    f'width="{width}" height="{height}" '
  )
  head, end, rest = drawn.replace("<svg ", f"<svg {names}", 1).partition(">")
  return head + end + style + rest + "\n"
