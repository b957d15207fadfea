"""What a study leaves: a page, its figures and a picture."""

import json
import pathlib
from collections.abc import Iterable, Mapping

from gr_jax.evaluation.report.report_file import write_text


def write_study(
  study: Mapping,
  *,
  page: str,
  picture: str,
  folders: Iterable[str | pathlib.Path],
) -> None:
  """Writes `table.md`, `table.json`, `plot.svg` and prints the page."""
  files = {
    "table.md": page,
    "table.json": _text(study),
    "plot.svg": picture,
  }
  for folder in map(pathlib.Path, folders):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
      write_text(folder / name, text)
    print(f"written: {folder / 'table.md'}")
  print(page)


def _text(study: Mapping) -> str:
  """JSON, one line per key: a study has thousands of figures."""
  lines = (
    f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}"
    for key, value in study.items()
  )
  return "{\n" + ",\n".join(lines) + "\n}\n"
