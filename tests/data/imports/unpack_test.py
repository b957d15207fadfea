"""A file is unpacked by its first bytes, or refused in one line."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.unpack import open_packed

DATA = b"a,b\n1,2\n" * 20


def _zip(**files: bytes) -> bytes:
  stream = io.BytesIO()
  with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, data in files.items():
      archive.writestr(name, data)
  return stream.getvalue()


@pytest.mark.parametrize(
  ("name", "raw", "inner"),
  [
    ("t.csv", DATA, "t.csv"),
    ("t.csv.gz", gzip.compress(DATA, mtime=0), "t.csv"),
    ("t.csv", gzip.compress(DATA, mtime=0), "t.csv"),
    ("t.csv.bz2", bz2.compress(DATA), "t.csv"),
    ("t.tsv.xz", lzma.compress(DATA), "t.tsv"),
    ("t.zip", _zip(**{"x.csv": DATA, "__MACOSX/._x.csv": b"?"}), "x.csv"),
  ],
)
def test_packed_bytes_come_out_whole_with_their_name(
  tmp_path, name, raw, inner
):
  path = tmp_path / name
  path.write_bytes(raw)
  packed = open_packed(path)
  assert (packed.whole(), packed.name) == (DATA, inner)


@pytest.mark.parametrize(
  ("raw", "message"),
  [
    (b"a,b\n", "not a whole gzip file"),
    (gzip.compress(DATA)[:-9], "not a whole gzip file"),
    (gzip.compress(DATA) + b"x", "not a whole gzip file"),
    (_zip(a=DATA, b=DATA), "holds 2 files \\('a', 'b'\\)"),
    (_zip(), "t.csv.gz"),
    (_zip(**{"[Content_Types].xml": b""}), "Excel workbook"),
    (_zip(a=DATA)[:40], "not a whole zip file"),
    (b"\xd0\xcf\x11\xe0x", "an old Excel workbook"),
    (b"SQLite format 3\0", "SQLite"),
  ],
)
def test_what_cannot_be_unpacked_is_one_line(tmp_path, raw, message):
  path = tmp_path / "t.csv.gz"
  path.write_bytes(raw)
  with pytest.raises(ValueError, match=message) as caught:
    open_packed(path).whole()
  assert "\n" not in str(caught.value)


@given(st.integers(2, 60), st.integers(0, 255))
def test_damage_in_a_gzip_is_a_value_error_or_none(tmp_path_factory, at, byte):
  raw = bytearray(gzip.compress(bytes(range(256)), mtime=0))
  raw[at] = byte
  path = tmp_path_factory.getbasetemp() / "damaged.csv.gz"
  path.write_bytes(raw)
  with contextlib.suppress(ValueError):  # No other error.
    open_packed(path).whole()


def test_a_folder_and_a_missing_file_are_one_line(tmp_path):
  with pytest.raises(ValueError, match="is a folder; name the files in it"):
    open_packed(tmp_path)
  with pytest.raises(FileNotFoundError, match="No file"):
    open_packed(tmp_path / "no.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read_is_an_os_error(tmp_path):
  path = tmp_path / "t.csv"
  path.write_bytes(DATA)
  path.chmod(0)
  with pytest.raises(PermissionError):
    open_packed(path).whole()
