"""Matplotlib figures as SVG that takes its colours from the page around it."""

import contextlib
import io
import pathlib
import re
from collections.abc import Iterator
from html import escape
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_SERIES = tuple(f"--series-{n}" for n in range(5))
# Stand-ins that become CSS variables, so that one picture suits light and dark.
VARIABLES = {
  f"#{n:02x}{n:02x}{n:02x}": name
  for n, name in enumerate(
    ("--ink", "--muted", "--grid", "--baseline", "--card", "--soft", *_SERIES),
    start=1,
  )
}
INK, MUTED, GRID, BASELINE, PAPER, SOFT, *SERIES = VARIABLES

_STYLE: dict[Any, Any] = {
  "svg.fonttype": "none",  # Text stays text: small, sharp, readable aloud.
  "font.size": 10,
  "axes.edgecolor": GRID,
  "axes.facecolor": "none",
  "axes.axisbelow": True,
  "axes.labelcolor": MUTED,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "axes.titlecolor": INK,
  "axes.titlelocation": "left",
  "axes.titlesize": 11,
  "axes.titleweight": "bold",
  "axes.titlepad": 10,
  "figure.facecolor": "none",
  "grid.color": GRID,
  "grid.linewidth": 0.8,
  "text.color": INK,
  "xtick.color": GRID,
  "xtick.labelcolor": MUTED,
  "ytick.color": GRID,
  "ytick.labelcolor": INK,
}
# Inches: what is wider cannot be read on a phone.
_PHONE = 5
_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


@contextlib.contextmanager
def drawing(salt: str) -> Iterator[None]:
  """House style while a figure is made; `salt` keeps its names its own."""
  with matplotlib.rc_context(_STYLE):
    matplotlib.rcParams["svg.hashsalt"] = salt
    yield


def panels(
  count: int,
  *,
  width: float,
  height: float,
  columns: int | None = None,
  share_y: bool = False,
) -> tuple[Figure, list[Axes]]:
  """A figure `width` inches wide; its axes, in rows `height` inches high."""
  columns = min(count, columns or count)
  lines = -(-count // columns)
  figure = Figure(figsize=(width, height * lines), layout="constrained")
  axes = figure.subplots(lines, columns, sharey=share_y, squeeze=False)
  for unused in axes.flat[count:]:
    unused.set_visible(False)
  return figure, list(axes.flat[:count])


def plain(name: str) -> str:
  """A name of the code as words of a page."""
  return name.replace("_", " ")


def grid(axes: Axes, direction: Literal["x", "y"]) -> None:
  """Draws grid lines across `direction` and no ticks in the way."""
  axes.grid(axis=direction)
  axes.tick_params(length=0)
  axes.spines["left" if direction == "x" else "bottom"].set_visible(True)


def to_svg(figure: Figure, *, label: str) -> str:
  """The figure as an `<svg>` element; `label` says in words what it shows."""
  file = io.StringIO()
  nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
  figure.savefig(file, format="svg", metadata=nothing)
  text = file.getvalue()
  text = text[text.index("<svg") :].strip()
  # Names of groups repeat from figure to figure, and nothing refers to them.
  text = re.sub(r'(<g) id="[^"]*"', r"\1", text)
  text = re.sub(r'\s+xmlns(:xlink)?="[^"]*"', "", text)
  # The page's own font, not a list of those that matplotlib would have liked.
  text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
  for color, name in VARIABLES.items():
    text = text.replace(color, f"var({name})")
  # The page scales it: the view box says the shape, this how wide it may grow.
  text = re.sub(r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>', r"<svg \1>", text)
  wide = figure.get_figwidth()
  width = f"max-width: {100 * wide:.0f}px"
  # A wide one scrolls where a phone would make its letters too small.
  scrolls = ' class="wide"' if wide > _PHONE else ""
  head = (
    f'<svg role="img" aria-label="{escape(label)}" style="{width}"{scrolls}'
  )
  return text.replace("<svg", head, 1)


def standing_alone(drawn: str) -> str:
  """An element of `to_svg` as a file: with namespace, size and colours.

  Raises:
    ValueError: for text that is no such element.
  """
  size = _SIZE.search(drawn)
  if not drawn.startswith("<svg ") or size is None:
    raise ValueError(f"not a picture of the report: {drawn[:60]!r}")
  colors = pathlib.Path(__file__).with_name("colors.css").read_text("utf-8")
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
