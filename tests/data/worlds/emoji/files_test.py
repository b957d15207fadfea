"""Files of emoji are read whole; what is none is said in one line."""

import importlib.util
import os
import sys
import types
from pathlib import Path

import matplotlib
import polars as pl
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib import newTable
from fontTools.ttLib.tables._g_l_y_f import Glyph
from fontTools.ttLib.tables.BitmapGlyphMetrics import SmallGlyphMetrics
from fontTools.ttLib.tables.C_B_D_T_ import cbdt_bitmap_format_17
from fontTools.ttLib.tables.E_B_L_C_ import (
  BitmapSizeTable,
  SbitLineMetrics,
  Strike,
  eblc_index_sub_table_1,
)

from gr_jax.data.worlds.emoji.files import read_emoji
from tests.reference.drawn_emoji import NAMES, drawn, png, write_emoji

LINE_METRICS = (
  "ascender",
  "descender",
  "widthMax",
  "caretSlopeNumerator",
  "caretSlopeDenominator",
  "caretOffset",
  "minOriginSB",
  "minAdvanceSB",
  "maxBeforeBL",
  "minAfterBL",
  "pad1",
  "pad2",
)
NOTO = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")


def test_a_table_is_read_whole_whatever_its_pictures_are_called(tmp_path):
  path = write_emoji(tmp_path / "e.parquet", more=list(range(8)))
  file = read_emoji(path)
  assert file.names == list(NAMES)
  assert file.categories[:2] == ["Animals & Nature", "Food & Drink"]
  assert file.pngs[3] == png(drawn(3))


def test_a_row_that_lacks_something_is_left_out(tmp_path):
  names = [*NAMES[:7], None]
  file = read_emoji(write_emoji(tmp_path / "e.parquet", caption=names))
  assert file.names == names[:7]
  assert len(file.pngs) == len(file.categories) == 7


def test_a_missing_file_says_what_to_give(tmp_path):
  with pytest.raises(FileNotFoundError, match=r"no emoji at .* give a Parquet"):
    read_emoji(tmp_path / "e.parquet")


def test_a_file_of_another_form_says_what_to_give(tmp_path):
  (tmp_path / "e.zip").write_bytes(b"")
  with pytest.raises(ValueError, match="no file of emoji; give a Parquet"):
    read_emoji(tmp_path / "e.zip")


@pytest.mark.parametrize("lacking", ["caption", "category", "png"])
def test_a_table_without_a_column_names_those_it_has(tmp_path, lacking):
  path = write_emoji(tmp_path / "e.parquet")
  pl.read_parquet(path).drop(lacking).write_parquet(path)
  with pytest.raises(ValueError, match=r"has the columns .*String.*; give"):
    read_emoji(path)


def test_two_columns_of_pictures_are_one_too_many(tmp_path):
  path = write_emoji(tmp_path / "e.parquet", other=[b"x"] * 8)
  with pytest.raises(ValueError, match=r"png \(Binary\), other \(Binary\)"):
    read_emoji(path)


@pytest.fixture
def names_of_emoji(monkeypatch):
  """The package `emoji`, of two names."""
  names = {"\U0001f34e": "red_apple", "\U0001f419": "octopus", "☂": "umbrella"}
  package = types.ModuleType("emoji")
  package.demojize = lambda text, delimiters: names.get(text, text)
  monkeypatch.setitem(sys.modules, "emoji", package)


@pytest.fixture
def font(tmp_path) -> Path:
  """A font whose bitmaps are an octopus, an apple, an umbrella and an A."""
  glyphs = ["a", "apple", "octopus", "umbrella"]
  points = [0x41, 0x1F34E, 0x1F419, 0x2602]
  builder = FontBuilder(unitsPerEm=1000, isTTF=True)
  builder.setupGlyphOrder([".notdef", *glyphs])
  builder.setupCharacterMap(dict(zip(points, glyphs)))
  builder.setupGlyf({name: Glyph() for name in [".notdef", *glyphs]})
  builder.setupHorizontalMetrics({n: (1000, 0) for n in [".notdef", *glyphs]})
  builder.setupHorizontalHeader()
  builder.setupPost()
  builder.setupOS2()
  bitmaps = {}
  for seed, name in enumerate(glyphs):
    glyph = cbdt_bitmap_format_17(b"", builder.font)
    glyph.metrics = SmallGlyphMetrics()
    for metric in ("height", "width", "BearingX", "BearingY", "Advance"):
      setattr(glyph.metrics, metric, 32)
    glyph.imageData = png(drawn(seed))
    bitmaps[name] = glyph
  index = eblc_index_sub_table_1(b"", builder.font)
  index.indexFormat, index.imageFormat, index.imageSize = 1, 17, None
  index.firstGlyphIndex, index.lastGlyphIndex = 1, len(glyphs)
  index.names = glyphs
  strike = Strike()
  strike.indexSubTables = [index]
  size = strike.bitmapSizeTable = BitmapSizeTable()
  for name in ("colorRef", "startGlyphIndex"):
    setattr(size, name, 0)
  size.endGlyphIndex, size.ppemX, size.ppemY = len(glyphs), 32, 32
  size.bitDepth, size.flags = 32, 1
  for direction in ("hori", "vert"):
    line = SbitLineMetrics()
    for metric in LINE_METRICS:
      setattr(line, metric, 0)
    setattr(size, direction, line)
  places, data = newTable("CBLC"), newTable("CBDT")
  places.version = data.version = 3.0
  places.strikes, data.strikeData = [strike], [bitmaps]
  builder.font["CBLC"], builder.font["CBDT"] = places, data
  builder.save(tmp_path / "font.ttf")
  return tmp_path / "font.ttf"


def test_a_font_holds_the_emoji_that_have_names(font, names_of_emoji):
  file = read_emoji(font)
  assert file.names == ["umbrella", "red apple", "octopus"]
  assert file.categories == ["Other", "Food & Drink", "Animals & Nature"]
  assert file.pngs == [png(drawn(seed)) for seed in (3, 1, 2)]


def test_a_font_without_bitmaps_says_what_to_give(names_of_emoji):
  plain = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
  with pytest.raises(ValueError, match="no color bitmaps"):
    read_emoji(plain)


def test_a_missing_package_says_how_to_get_it(font, monkeypatch):
  monkeypatch.setitem(sys.modules, "emoji", None)
  with pytest.raises(ImportError, match=r"pip install '\.\[emoji\]'"):
    read_emoji(font)


def test_the_font_of_debian_has_more_than_a_thousand_emoji():
  font = Path(os.environ.get("GR_JAX_EMOJI_FONT", NOTO))
  if not font.is_file():
    pytest.skip(f"no font at {font}; set GR_JAX_EMOJI_FONT to run this test")
  if importlib.util.find_spec("emoji") is None:
    pytest.skip("emoji is not installed.")
  file = read_emoji(font)
  assert len(file.names) > 1300
  assert file.categories[file.names.index("red apple")] == "Food & Drink"
  assert file.categories[file.names.index("octopus")] == "Animals & Nature"
  assert all(png.startswith(b"\x89PNG") for png in file.pngs)
