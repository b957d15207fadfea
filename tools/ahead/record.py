"""The stored table: what was compiled, and where its figures came from."""

import importlib.metadata
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from gr_jax import provenance
from gr_jax.atomic import write_text
from tools.ahead import deployed, deployment, page, plot, table
from tools.ahead.data_sheets import SHEETS
from tools.ahead.searching import Sizes

FILE = "programs.json"
MACHINE = "none: compiled ahead of time, nothing is executed"
_PACKAGES = ("jax", "libtpu", "jax-cuda13-plugin", "nvidia-cuda-nvcc")
# By the name that a device has for itself.
_DEVICES = {
  "NVIDIA GeForce RTX 5090": "rtx5090",
  "NVIDIA H100 80GB HBM3": "h100",
  "NVIDIA H200": "h200",
}


def record(
  rows: Mapping[str, Any], measured: Mapping[str, Any]
) -> dict[str, Any]:
  """All that is stored.

  Args:
    rows: the rows of `table.read`.
    measured: the figures of `read_measured`.
  """
  return {
    "command": "python tools/compile_ahead.py --all",
    "commit": provenance.commit(),
    "machine": MACHINE,
    "versions": versions(),
    "sizes": {
      "requests_a_device": Sizes().requests,
      "beam": Sizes().beam,
    },
    "programs": table.programs_of(),
    "rows": rows,
    "deployment": {
      target: table.short(deployment.table(SHEETS[target]))
      for target in deployed.TARGETS
    },
    "measured": measured,
  }


def versions() -> dict[str, str]:
  """The packages that compile."""
  return {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str:
  try:
    return importlib.metadata.version(package)
  except importlib.metadata.PackageNotFoundError:
    return "not installed"


def read_measured(path: pathlib.Path) -> dict[str, dict[str, dict]]:
  """Bytes and seconds by target and program, of `tools/check_device.py`.

  Raises:
    ValueError: a device that is no target, or no program that is known.
  """
  found = json.loads(path.read_text(encoding="utf-8"))
  target = _DEVICES.get(found["kind"])
  if target is None:
    raise ValueError(
      f"{path} is of {found['kind']}; there are rows for {', '.join(_DEVICES)}."
    )
  programs_ = {
    name: {key: one[key] for key in ("bytes", "seconds")}
    for name, one in found["programs"].items()
    if name in deployed.MEASURED and {"bytes", "seconds"} <= one.keys()
  }
  if not programs_:
    raise ValueError(
      f"{path} has none of the programs {'; '.join(deployed.MEASURED)}."
    )
  return {target: programs_}


def load(folder: pathlib.Path) -> dict[str, Any]:
  """The record of a folder.

  Raises:
    FileNotFoundError: there is none.
  """
  return json.loads((folder / FILE).read_text(encoding="utf-8"))


def write(folder: pathlib.Path, found: Mapping[str, Any]) -> None:
  """The record, its page and its picture."""
  folder.mkdir(parents=True, exist_ok=True)
  write_text(folder / FILE, text(found))
  write_text(folder / "table.md", page.page(found))
  write_text(folder / "roofline.svg", plot.plot(found["rows"]))


def text(found: Mapping[str, Any]) -> str:
  """A line a row, so that a new row is a new line."""
  head = {key: value for key, value in found.items() if key != "rows"}
  lines = [
    f" {json.dumps(config)}: {{\n"
    + ",\n".join(
      f"  {json.dumps(kind)}: {{\n"
      + ",\n".join(
        f"   {json.dumps(target)}: {json.dumps(row)}"
        for target, row in by_target.items()
      )
      + "}"
      for kind, by_target in by_kind.items()
    )
    + "}"
    for config, by_kind in found["rows"].items()
  ]
  rows = ",\n".join(lines)
  return json.dumps(head, indent=1)[:-2] + f',\n "rows": {{\n{rows}}}\n}}\n'
