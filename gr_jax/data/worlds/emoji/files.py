"""Files of emoji: names, categories and bitmaps.

A Parquet file has a row an emoji and the columns

  caption    string, the name: "red apple"
  category   string: "Food & Drink"
  any name   binary, one such column: the PNG, of any size

for example those of npm's `emoji-datasource-twitter`. A font has its bitmaps
in a CBDT table, as Debian's `fonts-noto-color-emoji` does; its names are those
of the PyPI package `emoji`, its categories by ranges of code points ([OURS]):
"Animals & Nature", "Food & Drink", "Other". Emoji of several code points
(flags, families, skin tones) are left out.
"""

import importlib
from pathlib import Path
from typing import NamedTuple

import polars as pl

_FORMS = (
  "give a Parquet file with the columns caption, category and one of PNGs, or "
  "the font NotoColorEmoji.ttf of `apt-get install fonts-noto-color-emoji`."
)
# Plants and animals, dishes and drinks of Unicode's blocks.
_CATEGORIES = {
  "Animals & Nature": (
    (0x1F331, 0x1F335),
    (0x1F337, 0x1F344),
    (0x1F400, 0x1F43E),
    (0x1F980, 0x1F9AE),
    (0x1FAB0, 0x1FABF),
  ),
  "Food & Drink": (
    (0x1F32D, 0x1F330),
    (0x1F336, 0x1F336),
    (0x1F345, 0x1F37F),
    (0x1F950, 0x1F96F),
    (0x1F9C0, 0x1F9CB),
    (0x1FAD0, 0x1FADF),
  ),
}


class EmojiFile(NamedTuple):
  """What a file holds.

  Attributes:
    names: The names as they stand in the file.
    categories: Their categories.
    pngs: The bytes of their pictures.
  """

  names: list[str]
  categories: list[str]
  pngs: list[bytes]


def read_emoji(path: str | Path) -> EmojiFile:
  """Reads a Parquet file or a font.

  Raises:
    FileNotFoundError: there is no such file.
    ValueError: it is of neither form, or lacks a column or the bitmaps.
    ImportError: a font's packages are missing.
  """
  path = Path(path)
  readers = {".parquet": _read_parquet, ".ttf": _read_font}
  if not path.is_file():
    raise FileNotFoundError(f"no emoji at {path}; {_FORMS}")
  if path.suffix not in readers:
    raise ValueError(f"{path} is no file of emoji; {_FORMS}")
  return readers[path.suffix](path)


def _read_parquet(path: Path) -> EmojiFile:
  schema = pl.read_parquet_schema(path)
  pngs = [name for name, dtype in schema.items() if dtype == pl.Binary]
  if len(pngs) != 1 or not {"caption", "category"} <= set(schema):
    columns = ", ".join(f"{name} ({dtype})" for name, dtype in schema.items())
    raise ValueError(f"{path} has the columns {columns}; {_FORMS}")
  table = pl.read_parquet(path, columns=["caption", "category", *pngs])
  table = table.drop_nulls().cast({"caption": pl.String, "category": pl.String})
  return EmojiFile(
    names=table["caption"].to_list(),
    categories=table["category"].to_list(),
    pngs=table[pngs[0]].to_list(),
  )


def _read_font(path: Path) -> EmojiFile:
  try:
    emoji = importlib.import_module("emoji")
    from fontTools.ttLib import TTFont
  except ModuleNotFoundError as error:
    raise ImportError(
      f"{error}; run `pip install '.[emoji]'` to read emoji of a font."
    ) from error
  rows = []
  with TTFont(path, lazy=True) as font:
    if "CBDT" not in font:
      raise ValueError(f"{path} has no color bitmaps (CBDT); {_FORMS}")
    strike = font["CBDT"].strikeData[0]
    for point, glyph in sorted((font.getBestCmap() or {}).items()):
      name = emoji.demojize(chr(point), delimiters=("", ""))
      if name != chr(point) and glyph in strike:
        png = bytes(strike[glyph].imageData)
        rows.append((name.replace("_", " "), _category(point), png))
  return EmojiFile(*map(list, zip(*rows))) if rows else EmojiFile([], [], [])


def _category(point: int) -> str:
  for category, ranges in _CATEGORIES.items():
    if any(low <= point <= high for low, high in ranges):
      return category
  return "Other"
