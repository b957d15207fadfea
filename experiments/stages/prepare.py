"""Reads a source: catalogue and requests."""

import dataclasses
import hashlib
import pathlib

from ml_collections import ConfigDict

from gr_jax.artefacts import Artefact, build
from gr_jax.data import amazon_reviews, complete_journey, own_data
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import Requests


def _complete_journey(**options):
  return complete_journey.load(
    complete_journey.CompleteJourneyConfig(**options)
  )


def _amazon_reviews(*, path: str):
  return amazon_reviews.load(pathlib.Path(path))


def _own_data(*, path: str):
  return own_data.load(pathlib.Path(path))


SOURCES = {
  "complete_journey": _complete_journey,
  "amazon_reviews": _amazon_reviews,
  "own_data": _own_data,
}


@dataclasses.dataclass(frozen=True)
class Data:
  """What was read, and the mark of where it came from."""

  catalogue: Catalogue
  requests: Requests
  artefact: Artefact


def prepare(config: ConfigDict, workdir: pathlib.Path) -> Data:
  """Loads a source, or reads what an earlier run left of it.

  Args:
    config: `source`, one of `SOURCES`, and the options of that source.
    workdir: of the run.
  """
  options = config.to_dict()
  source = options.pop("source")
  if source not in SOURCES:
    raise ValueError(
      f"data.source is {source!r}; use one of {', '.join(SOURCES)}."
    )

  def make(directory: pathlib.Path) -> None:
    catalogue, requests = SOURCES[source](**options)
    catalogue.save(directory / "catalogue")
    requests.save(directory / "requests")

  mark = _mark_of_files(options.get("path", ""))
  artefact = build(workdir, "data", config.to_dict(), [mark], make)
  return Data(
    Catalogue.load(artefact.directory / "catalogue"),
    Requests.load(artefact.directory / "requests"),
    artefact,
  )


def _mark_of_files(name: str) -> str:
  """Changes when a file under the folder `name` does."""
  path = pathlib.Path(name)
  if not name or not path.exists():
    return ""
  stats = sorted(
    (str(file.relative_to(path)), file.stat().st_size, file.stat().st_mtime_ns)
    for file in path.rglob("*")
    if file.is_file()
  )
  return hashlib.sha256(repr(stats).encode()).hexdigest()[:16]
