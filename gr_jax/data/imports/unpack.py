"""The bytes of a file, unpacked where it is packed."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

_OPENERS = {
  b"\x1f\x8b": (gzip.decompress, "gzip"),
  b"BZh": (bz2.decompress, "bzip2"),
  b"\xfd7zXZ\x00": (lzma.decompress, "xz"),
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


def read_bytes(path: Path) -> tuple[bytes, str, str]:
  """Reads a file; gzip, bzip2, xz and a zip of one file are unpacked.

  How a file is packed is read in its first bytes, not in its name.

  Returns:
    (the bytes, the name that they have unpacked, a note on it or "").

  Raises:
    FileNotFoundError: no such file.
    ValueError: a folder, a damaged file, or a kind that cannot be read.
    OSError: the file may not be read.
  """
  if path.is_dir():
    raise ValueError(f"{path} is a folder; name the files in it ({path}/*).")
  if not path.exists():
    raise FileNotFoundError(f"No file {path}.")
  raw = path.read_bytes()
  for magic, what in _FOREIGN.items():
    if raw.startswith(magic):
      raise ValueError(f"{path} is {what}.")
  if raw.startswith(_ZIP):
    return _from_zip(path, raw)
  name = path.name
  for magic, (decompress, kind) in _OPENERS.items():
    if raw.startswith(magic):
      ending = path.suffix.lower()
      packed = ending in (".gz", ".bz2", ".xz", ".gzip")
      name = path.stem if packed else name
      note = "" if packed else f"{path.name} is packed by {kind}."
      return _unpacked(path, kind, decompress, raw), name, note
  if path.suffix.lower() == ".gz" and raw.strip():
    raise ValueError(f"{path} is not a whole gzip file: it begins otherwise.")
  return raw, name, ""


def _from_zip(path: Path, raw: bytes) -> tuple[bytes, str, str]:
  archive = _unpacked(path, "zip", zipfile.ZipFile, io.BytesIO(raw))
  names = [
    name
    for name in archive.namelist()
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
  data = _unpacked(path, "zip", archive.read, names[0])
  return data, names[0], f"{path.name} is a zip; {names[0]} in it is read."


def _unpacked(path: Path, kind: str, unpack: Callable, packed: Any) -> Any:
  try:
    return unpack(packed)
  except _DAMAGED as error:
    reason = " ".join(str(error).split())
    raise ValueError(f"{path} is not a whole {kind} file: {reason}.") from error
