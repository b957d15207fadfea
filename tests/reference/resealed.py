"""Stages that are changed and pass for whole: what only other checks find."""

import pathlib
from typing import Any

from gr_jax import manifests


def reseal(stage: pathlib.Path, **changes: Any) -> None:
  """Makes a stage whole as its files are now.

  Args:
    stage: its folder.
    **changes: entries of its manifest that become others.
  """
  found = manifests.read(stage)
  assert found is not None
  manifests.write(stage, found | changes)


def edit_section(stage: pathlib.Path, **changes: Any) -> None:
  """Makes a stage one of another section; a dictionary changes that part."""
  found = manifests.read(stage)
  assert found is not None
  section = found["section"]
  for key, value in changes.items():
    inner = isinstance(value, dict)
    section[key] = section[key] | value if inner else value
  manifests.write(stage, found)


def remake(run: pathlib.Path, stage: str, fingerprint: str) -> None:
  """Gives a stage another fingerprint, and to all that was made from it."""
  old = manifests.read(run / stage)
  assert old is not None
  for folder in sorted(path.parent for path in run.glob("*/manifest.json")):
    found = manifests.read(folder)
    assert found is not None
    marks = {old["fingerprint"]: fingerprint}
    found["inputs"] = [marks.get(mark, mark) for mark in found["inputs"]]
    found["fingerprint"] = marks.get(found["fingerprint"], found["fingerprint"])
    manifests.write(folder, found)
