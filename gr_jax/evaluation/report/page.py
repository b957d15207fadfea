"""`report.html`: a list of sections on one page that opens anywhere.

A section is data; the experiment says which there are and what they hold.
"""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2


class Cell(NamedTuple):
  """A figure or a name, and small print beside it.

  The tone colours it: "best", "ahead", "behind" or "".
  """

  text: str
  note: str = ""
  tone: str = ""


class Row(NamedTuple):
  """The cells of one line; the tone "model" makes them bold."""

  cells: Sequence[Cell]
  tone: str = ""


class Table(NamedTuple):
  """Names of the columns, and as many cells in every row.

  The tone "texts" is for cells of several lines of words.
  """

  head: Sequence[str]
  rows: Sequence[Row]
  tone: str = ""


class Figure(NamedTuple):
  """An element of `svg.to_svg` and the sentence under it."""

  picture: str
  caption: str


class Tile(NamedTuple):
  """One large figure: its title above, small lines below."""

  title: str
  figure: str
  lines: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Section:
  """A part of the page, drawn in the order of the attributes.

  Text is escaped, unless it is `markupsafe.Markup`. A section that holds
  nothing but its title is left out.

  Attributes:
    title: the heading; "" for none.
    warnings: sentences that the reader must not miss.
    tiles: large figures.
    figures: pictures, side by side where there are several.
    tables: figures in rows and columns.
    notes: paragraphs.
    points: a list of sentences.
    terms: pairs of a name and a value.
    folds: sections that the reader opens.
    open: whether a folded section is open from the start.
  """

  title: str = ""
  warnings: Sequence[str] = ()
  tiles: Sequence[Tile] = ()
  figures: Sequence[Figure] = ()
  tables: Sequence[Table] = ()
  notes: Sequence[str] = ()
  points: Sequence[str] = ()
  terms: Sequence[tuple[str, str]] = ()
  folds: Sequence["Section"] = ()
  open: bool = False

  def is_empty(self) -> bool:
    """Whether there is nothing below the title."""
    names = {field.name for field in dataclasses.fields(self)}
    return not any(getattr(self, n) for n in names - {"title", "open"})


def page(title: str, text: str, sections: Sequence[Section]) -> str:
  """The page as HTML: `text` stands under the title."""
  shown = [section for section in sections if not section.is_empty()]
  text = _template().render(title=title, text=text, sections=shown)
  # A number and its sign stay in one line.
  return text.replace(" %", "\u00a0%")


@functools.cache
def _template() -> jinja2.Template:
  environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  return environment.get_template("template.html")
