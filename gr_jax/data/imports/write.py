"""A folder that appears whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl


def check_output(output: Path, *, marker: str, overwrite: bool) -> None:
  """Raises an error where another file or folder would be lost.

  An empty folder may be written; a folder that holds `marker`, the file that
  marks an earlier import, only with `overwrite`; anything else never.

  Raises:
    FileExistsError: `output` may not be written.
  """
  if not output.exists() or (output.is_dir() and not any(output.iterdir())):
    return
  if not (output / marker).is_file():
    raise FileExistsError(
      f"{output} is there and not an earlier import; name another folder."
    )
  if not overwrite:
    raise FileExistsError(
      f"{output} holds an earlier import; add --overwrite to replace it."
    )


def write_rejects(rejects: pl.DataFrame, path: Path) -> None:
  """Writes rejected rows as CSV that spreadsheets only show.

  A cell that they would run, as it begins with one of = + - @ TAB CR, gets an
  apostrophe before it.
  """
  text = pl.col(pl.String)
  run = text.str.contains(r"^[=+\-@\t\r]")
  safe = pl.when(run).then(pl.lit("'") + text).otherwise(text).name.keep()
  rejects.with_columns(safe).write_csv(path)


def write_folder(output: Path, write: Callable[[Path], None]) -> None:
  """Calls `write` on a folder beside `output` and renames it when it is whole.

  Raises:
    OSError: it could not be written; nothing is left behind.
  """
  try:
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(
      tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}.")
    )
  except OSError as error:
    raise OSError(f"Cannot write {output}: {error.strerror}.") from error
  try:
    new = beside / "new"
    new.mkdir()
    write(new)
    _swap(new, output, beside / "old")
  except (OSError, pl.exceptions.PolarsError) as error:
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
    free = shutil.disk_usage(output.parent).free >> 20
    raise OSError(
      f"Cannot write {output}: {reason} ({free:,} MiB free); nothing is kept."
    ) from error
  finally:
    shutil.rmtree(beside, ignore_errors=True)


def _swap(new: Path, output: Path, old: Path) -> None:
  if not output.exists():
    os.replace(new, output)
    return
  os.replace(output, old)
  try:
    os.replace(new, output)
  except BaseException:
    os.replace(old, output)
    raise
