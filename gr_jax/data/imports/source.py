"""What makes one table: its files, and how their text is written."""

import dataclasses
import glob
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from gr_jax.data.imports.checked_table import CheckedTable
from gr_jax.data.imports.words import as_text


@dataclasses.dataclass(frozen=True)
class Reshape:
  """A change from the rows of a public data set to rows of ours.

  Attributes:
    needs: The columns that it reads.
    gives: The columns that it adds.
    apply: A function from the file's rows to ours, both with a column `row`.
    note: A line that says what is taken, and what is not.
  """

  needs: tuple[str, ...]
  gives: tuple[str, ...]
  apply: Callable[[pl.DataFrame], pl.DataFrame]
  note: str

  def of(self, table: CheckedTable) -> CheckedTable:
    """Changes the rows of a table that has the columns; others stay."""
    if not set(self.needs) <= set(table.columns):
      return table
    frame = self.apply(as_text(table.frame))
    return dataclasses.replace(
      table,
      frame=frame,
      rows_read=frame.height + table.rejects.height,
      columns=tuple(dict.fromkeys((*table.columns, *self.gives))),
    ).note(self.note)


@dataclasses.dataclass(frozen=True)
class Source:
  """The files of one table.

  Attributes:
    paths: The files. Those with the same columns are parts of one table, others
      are joined on the columns that they share, see `joins.combine`.
    header: The names of the first columns, where the files have no header.
    delimiter: What stands between fields; "" where it is found in the file.
    encoding: The encoding of the text; "" where it is guessed.
    keys: The columns that may join files, where they share several.
    columns: For each of our names, the names that the column may have, with "|"
      between; the user's own names come before them.
    reshape: A change of the rows after they are read, or None.
  """

  paths: tuple[Path, ...]
  header: tuple[str, ...] = ()
  delimiter: str = ""
  encoding: str = ""
  keys: tuple[str, ...] = ()
  columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
  reshape: Reshape | None = None

  @property
  def name(self) -> str:
    """The names of the files, for messages."""
    names = [path.name for path in self.paths]
    return names[0] if len(names) == 1 else f"{names[0]} + {len(names) - 1}"

  def __str__(self) -> str:
    return ",".join(map(str, self.paths))


def parse_source(text: str, *, flag: str) -> Source:
  """Reads a path, or paths and patterns like `events_*.csv` between commas.

  Raises:
    FileNotFoundError: no file is there.
  """
  if Path(text).exists():
    return Source((Path(text),))
  paths = []
  for part in filter(None, (part.strip() for part in text.split(","))):
    # A name that is a file is not a pattern, whatever it has in it.
    found = [part] if Path(part).exists() else sorted(glob.glob(part))
    if not found:
      raise FileNotFoundError(f"No file {part}.")
    paths += map(Path, found)
  if not paths:
    raise ValueError(f"{flag} names no file.")
  return Source(tuple(dict.fromkeys(paths)))


def as_source(files: Path | str | Source) -> Source:
  """Returns the source of a path, or of what `parse_source` reads."""
  if isinstance(files, Source):
    return files
  if isinstance(files, Path):
    return Source((files,))
  return parse_source(files, flag="The text")
