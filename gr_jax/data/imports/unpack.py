"""The bytes of a file, unpacked where it is packed."""

import bz2
import dataclasses
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

_OPENERS = {
  b"\x1f\x8b": (gzip.open, "gzip"),
  b"BZh": (bz2.open, "bzip2"),
  b"\xfd7zXZ\x00": (lzma.open, "xz"),
}
_ZIP = b"PK\x03\x04"
_FOREIGN = {
  b"\xd0\xcf\x11\xe0": "an old Excel workbook; save its sheet as CSV",
  b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it first",
  b"SQLite format 3": "an SQLite database; export its tables as CSV",
  b"%PDF": "a PDF; export its table as CSV",
  b"ORC": "ORC; write it as Parquet",
  b"Obj\x01": "Avro; write it as Parquet or JSON Lines",
  b"\x89HDF": "HDF5; write it as Parquet or CSV",
  b"\x80\x04\x95": "a pickle; write it as Parquet or CSV",
}
_DAMAGED = (
  OSError,
  EOFError,
  zlib.error,
  lzma.LZMAError,
  zipfile.BadZipFile,
  NotImplementedError,
  RuntimeError,
  ValueError,
)


HEAD = 4096
"""The number of bytes by which a file is known."""

_BLOCK = 1 << 24


@dataclasses.dataclass(frozen=True)
class Packed:
  """The bytes of a file, read from its beginning each time.

  Attributes:
    path: The file.
    name: The name that its bytes have unpacked.
    note: What was assumed of it, "" for nothing.
    head: The first `HEAD` bytes at most.
    kind: How it is packed, "" for not at all.
    open: Opens the bytes.
  """

  path: Path
  name: str
  note: str
  head: bytes
  kind: str
  open: Callable[[], BinaryIO]

  def blocks(self) -> Iterator[bytes]:
    """Reads the bytes in blocks of some MB.

    Raises:
      ValueError: the file is damaged.
      OSError: it may not be read.
    """
    try:
      with self.open() as stream:
        while block := stream.read(_BLOCK):
          yield block
    except _DAMAGED as error:
      if not self.kind:
        raise
      raise _damaged(self.path, self.kind, error) from error

  def whole(self) -> bytes:
    """Reads all bytes, and raises the errors of `blocks`."""
    return b"".join(self.blocks())


def open_packed(path: Path) -> Packed:
  """Finds the bytes of a file in gzip, bzip2, xz, a zip of one file, or none.

  How a file is packed is read in its first bytes, not in its name.

  Raises:
    FileNotFoundError: no such file.
    ValueError: a folder, a damaged file, or a kind that cannot be read.
    OSError: the file may not be read.
  """
  if path.is_dir():
    raise ValueError(f"{path} is a folder; name the files in it ({path}/*).")
  if not path.exists():
    raise FileNotFoundError(f"No file {path}.")
  with path.open("rb") as stream:
    raw = stream.read(HEAD)
  for magic, what in _FOREIGN.items():
    if raw.startswith(magic):
      raise ValueError(f"{path} is {what}.")
  if raw.startswith(_ZIP):
    return _zipped(path)
  for magic, (opener, kind) in _OPENERS.items():
    if raw.startswith(magic):
      ending = path.suffix.lower()
      packed = ending in (".gz", ".bz2", ".xz", ".gzip")
      name = path.stem if packed else path.name
      note = "" if packed else f"{path.name} is packed by {kind}."

      def unpacked(opener=opener) -> BinaryIO:
        return cast(BinaryIO, opener(path, "rb"))

      return _with_head(path, name, note, kind, unpacked)
  if path.suffix.lower() == ".gz" and raw.strip():
    raise ValueError(f"{path} is not a whole gzip file: it begins otherwise.")
  return Packed(path, path.name, "", raw, "", lambda: path.open("rb"))


def _with_head(
  path: Path, name: str, note: str, kind: str, opener: Callable[[], BinaryIO]
) -> Packed:
  try:
    with opener() as stream:
      head = stream.read(HEAD)
  except _DAMAGED as error:
    raise _damaged(path, kind, error) from error
  return Packed(path, name, note, head, kind, opener)


def _zipped(path: Path) -> Packed:
  try:
    with zipfile.ZipFile(path) as archive:
      found = archive.namelist()
  except _DAMAGED as error:
    raise _damaged(path, "zip", error) from error
  names = [
    name
    for name in found
    if not name.endswith("/") and not name.startswith("__MACOSX/")
  ]
  if "[Content_Types].xml" in names:
    raise ValueError(f"{path} is an Excel workbook; save its sheet as CSV.")
  if len(names) != 1:
    shown = ", ".join(map(ascii, names[:5])) + (", ..." if names[5:] else "")
    raise ValueError(
      f"{path} holds {len(names)} files ({shown or 'none'}); unpack it and "
      "name the one to read."
    )

  def unpacked() -> BinaryIO:
    return cast(BinaryIO, zipfile.ZipFile(path).open(names[0]))

  note = f"{path.name} is a zip; {names[0]} in it is read."
  return _with_head(path, names[0], note, "zip", unpacked)


def _damaged(path: Path, kind: str, error: BaseException) -> ValueError:
  reason = " ".join(str(error).split())
  return ValueError(f"{path} is not a whole {kind} file: {reason}.")
