"""The manifests of a run, once its files are known to be as they were written.

What a damaged file led to would be searched without a word: parameters with
one bit flipped, codes of other items.
"""

import pathlib
from typing import Any

from gr_jax import manifests
from gr_jax.retrieval import versions

STAGES = ("data", "vectors", "tokenizer", "generator")
# Of recipes that go on from the trained generator: then its parameters count.
ALIGNMENT = "alignment"
RANKER = "ranker"
"""The stage of a run that ranks and has no generator."""

_MADE_FROM = {
  "vectors": ("data",),
  "tokenizer": ("data", "vectors"),
  "generator": ("data", "tokenizer"),
  "alignment": ("generator",),
}


def read_manifests(directory: pathlib.Path) -> dict[str, dict[str, Any]]:
  """The manifests by stage.

  Raises:
    FileNotFoundError: a stage is not finished.
    ValueError: a file is not as it was written, or a stage was made from
      another one than the one beside it.
  """
  stages = STAGES
  # A folder without a manifest is an alignment that is not finished.
  if (directory / ALIGNMENT).is_dir():
    stages += (ALIGNMENT,)
  found = {stage: _manifest(directory, stage) for stage in stages}
  # A version of a run is made from that run, which is in its record.
  if versions.name_of(directory) == versions.FIRST:
    for stage, sources in _MADE_FROM.items():
      for source in sources:
        _check_source(directory, found, stage, source)
  return found


def cannot_be_read(directory: pathlib.Path, reason: str) -> str:
  """What is wrong with the files of a run or version, and what mends it."""
  mends = f"{_command(directory)} makes it anew"
  if versions.name_of(directory) != versions.FIRST:
    run = directory.parent.parent
    mends = (
      f"`python -m gr_jax.update --artefacts={run} --rollback` serves the "
      "version before"
    )
  return f"the artefacts in {directory} cannot be read: {reason}; {mends}."


def _manifest(directory: pathlib.Path, stage: str) -> dict[str, Any]:
  folder = directory / stage
  try:
    found = manifests.read(folder)
  except ValueError as error:
    raise ValueError(cannot_be_read(directory, str(error))) from error
  if found is None:
    if (directory / RANKER / manifests.MANIFEST).is_file():
      raise ValueError(
        f"{directory} is the run of a ranker, which has no search: `python -m "
        f"gr_jax.serving --artefacts={directory}` serves it, and "
        "gr_jax.ranking.ranker_files.load_ranker loads it."
      )
    raise FileNotFoundError(
      f"{directory} has no finished stage {stage!r} ({manifests.MANIFEST} is "
      f"missing): {_command(directory)} finishes it."
    )
  if wrong := manifests.defect(folder, found):
    raise ValueError(cannot_be_read(directory, f"{stage}/{wrong}"))
  return found


def _check_source(
  directory: pathlib.Path,
  found: dict[str, dict[str, Any]],
  stage: str,
  source: str,
) -> None:
  if stage not in found or "inputs" not in found[stage]:
    return
  if found[source]["fingerprint"] not in found[stage]["inputs"]:
    raise ValueError(
      f"{directory / stage} was made from another {source!r} than the one "
      f"beside it: {_command(directory)} makes it anew."
    )


def _command(directory: pathlib.Path) -> str:
  return f"`python -m gr_jax.main --workdir={directory}` with its config"
