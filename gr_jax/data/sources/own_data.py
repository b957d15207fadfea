"""Your own catalogue and logs: imported once, then loaded."""

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gr_jax
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.imports.assemble import NothingLeft, assemble
from gr_jax.data.imports.columns import check_names
from gr_jax.data.imports.event_types import known_types
from gr_jax.data.imports.published_split import known_splits
from gr_jax.data.imports.read import read_tables
from gr_jax.data.imports.source import Source
from gr_jax.data.imports.summary import ImportSummary
from gr_jax.data.imports.times import check_time_format
from gr_jax.data.imports.write import (
  check_output,
  write_folder,
  write_rejects,
)
from gr_jax.data.requests import Requests
from gr_jax.data.splits import check_shares

FORMAT = "gr_jax own data"
FORMAT_VERSION = 1

FLAGS = ("columns", "event_types", "time_format", "category_separator")
"""What a manifest says of how the files of an import were written."""

_MANIFEST = "own_data.json"
_REJECTS = "rejects.csv"


def load(path: Path) -> tuple[Catalogue, Requests]:
  """Reads a folder that `import_tables` wrote.

  Raises:
    FileNotFoundError: not a folder that `import_tables` wrote.
    ValueError: written by a newer version, or its parts do not fit.
  """
  path = Path(path)
  manifest_path = path / _MANIFEST
  if not manifest_path.is_file():
    raise FileNotFoundError(
      f"{path} holds no imported data ({_MANIFEST} missing); make it with "
      "python -m gr_jax.import_data."
    )
  try:
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    version = int(manifest["format_version"])
  except (ValueError, KeyError, TypeError) as error:
    raise ValueError(
      f"{manifest_path} is damaged ({error}); import the data again."
    ) from error
  if version > FORMAT_VERSION:
    raise ValueError(
      f"{path} is of format {version}, written by gr_jax "
      f"{manifest.get('library_version')}; gr_jax {gr_jax.__version__} reads "
      f"up to format {FORMAT_VERSION}: upgrade it or import the data again."
    )
  catalogue = Catalogue.load(path / "catalogue")
  requests = Requests.load(path / "requests")
  top = max(
    requests.event_item.max(initial=-1), requests.page_item.max(initial=-1)
  )
  if top >= len(catalogue):
    raise ValueError(
      f"{path} is damaged: a request names item row {top} of "
      f"{len(catalogue)}; import the data again."
    )
  return catalogue, requests


def import_flags(path: Path) -> dict[str, Any]:
  """Returns the `FLAGS` of a folder that `load` reads."""
  manifest = json.loads((Path(path) / _MANIFEST).read_text(encoding="utf-8"))
  return {name: manifest[name] for name in FLAGS if name in manifest}


def import_tables(
  items_path: Path | Source,
  events_path: Path | Source,
  columns: Mapping[str, str],
  output: Path,
  *,
  attributes: Mapping[str, str] | None = None,
  event_types: Mapping[str, str] | None = None,
  splits: Mapping[str, str] | None = None,
  time_format: str = "",
  category_separator: str = "",
  valid_share: float = 0.1,
  test_share: float = 0.1,
  overwrite: bool = False,
  now: int | None = None,
  progress: Callable[[str], None] = lambda line: None,
) -> ImportSummary:
  """Checks two tables and writes them as a catalogue and requests.

  Required are item_id and text of the items, user_id and item_id of the
  events; category, value, account, advertiser and conversion of the items, and
  value, time, order, split, event, query and session of the events are
  optional, and parts that need a missing one are off (`ImportSummary.notes`).
  Rows that cannot be used are left out, counted and listed in `rejects.csv`.

  Order: `time`, and within one moment `order`, the place of an event in its
  user's sequence; without times `order` alone, and positions are the unit of
  time; without both the order of the file. Splits: that of the column `split`;
  without it the last `test_share` of the requests are the test and the
  `valid_share` before them the validation; without times, each user's last
  request and the one before it. Requests: see `build_requests`. An item without
  a value of its own has the median of its training events. The folder appears
  whole or not at all; without it, rejected rows are in OUTPUT.rejects.csv.

  Args:
    items_path: A file of delimited text, JSON or Parquet, see `read_table`, or
      a `Source` of several files.
    events_path: The same of the events.
    columns: A map of our names to columns of the files where they differ, see
      `resolve_columns`.
    output: The folder to write.
    attributes: Columns of the items that are kept as text and neither checked
      nor trained on, by their names in `Catalogue.attributes`.
    event_types: A map of a file's event types to "exposure", "click" or
      "order", where the name is not enough.
    splits: A map of words of the split column to "train", "valid" or "test",
      likewise.
    time_format: The form of the times where it is none that `unix_times` reads
      by itself.
    category_separator: What category paths are split at, see `read_paths`.
    valid_share: The share of validation requests; not read without times or
      with a split column.
    test_share: The share of test requests, likewise.
    overwrite: True to replace an earlier import.
    now: The present in unix seconds; times a day later are rejected.
    progress: Gets a line at every step.

  Raises:
    FileNotFoundError: an input file is not there.
    ValueError: a bad argument, an unreadable file, a split with other words or
      against the order of a user's events, or nothing usable left.
    OSError: the output cannot be written.
  """
  output, event_types, splits = Path(output), event_types or {}, splits or {}
  check_names(columns)
  known_types(event_types)
  known_splits(splits)
  check_time_format(time_format)
  check_shares(valid_share, test_share)
  check_output(output, marker=_MANIFEST, overwrite=overwrite)
  tables = list(
    read_tables(
      items_path,
      events_path,
      columns,
      attributes=attributes or {},
      progress=progress,
    )
  )
  try:
    data = assemble(
      tables.pop(0),
      tables.pop(0),
      event_types=event_types,
      splits=splits,
      time_format=time_format,
      category_separator=category_separator,
      valid_share=valid_share,
      test_share=test_share,
      now=int(time.time()) if now is None else now,
      progress=progress,
    )
  except NothingLeft as error:
    if not len(error.rejects):
      raise
    path = output.with_name(f"{output.name}.{_REJECTS}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rejects(error.rejects, path)
    raise ValueError(f"{error} All rejected rows are in {path}.") from error
  summary = dataclasses.replace(
    data.summary, rejects_file=str(output / _REJECTS)
  )
  manifest = {
    "format": FORMAT,
    "format_version": FORMAT_VERSION,
    "library_version": gr_jax.__version__,
    "sources": {"items": str(items_path), "events": str(events_path)},
    "columns": dict(columns),
    "attributes": dict(attributes or {}),
    "event_types": dict(event_types),
    "splits": dict(splits),
    "time_format": time_format,
    "category_separator": category_separator,
    "split": data.split,
    "summary": dataclasses.asdict(summary),
  }

  def write(folder: Path) -> None:
    data.catalogue.save(folder / "catalogue")
    data.requests.save(folder / "requests")
    write_rejects(data.rejects, folder / _REJECTS)
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / _MANIFEST).write_text(text + "\n", encoding="utf-8")

  write_folder(output, write)
  progress(f"{output} is written")
  return summary
