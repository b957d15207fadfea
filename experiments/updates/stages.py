"""The stages of a version on disk: what is new is written, the rest is linked.

  data        the whole catalogue, and the events of this update alone
  vectors     items.npy anew where there are new items
  tokenizer   the parent's, with the IDs of new items behind the others
  generator   parameters and manifest; the rest is the parent's

Files that do not change are hard links, copies where the file system has none,
so a version takes the room of its parameters and its catalogue.
"""

import os
import pathlib
import shutil
from collections.abc import Sequence

import numpy as np
import polars as pl

from experiments.updates.grown_items import GrownItems
from gr_jax import atomic, manifests
from gr_jax.artefacts import build
from gr_jax.data.catalogue import Catalogue
from gr_jax.retrieval.load import Artefacts

EVENTS = "events.parquet"


def write_data(
  folder: pathlib.Path,
  parent: Artefacts,
  catalogue: Catalogue,
  events: pl.DataFrame,
  *,
  inputs: Sequence[str],
) -> None:
  """Writes the catalogue, and the events that a version brought."""

  def make(directory: pathlib.Path) -> None:
    catalogue.save(directory / "catalogue")
    events.write_parquet(directory / EVENTS)

  section = parent.manifests["data"]["section"]
  build(folder, "data", section, inputs, make)


def read_new_events(folder: pathlib.Path) -> pl.DataFrame:
  """The events that a version brought."""
  return pl.read_parquet(folder / "data" / EVENTS, memory_map=False)


def write_vectors(
  folder: pathlib.Path,
  parent: Artefacts,
  items: GrownItems,
  *,
  inputs: Sequence[str],
) -> None:
  """Writes the vectors of all items, or links those of the parent."""
  old = parent.directory / "vectors"

  def make(directory: pathlib.Path) -> None:
    link_files(old, directory, but=(manifests.MANIFEST, "items.npy"))
    if not items.added:
      _link(old / "items.npy", directory / "items.npy")
      return
    known = np.load(old / "items.npy", mmap_mode="r")
    np.save(directory / "items.npy", np.concatenate([known, items.vectors]))

  section = parent.manifests["vectors"]["section"]
  build(folder, "vectors", section, inputs, make)


def write_tokenizer(
  folder: pathlib.Path, parent: Artefacts, items: GrownItems
) -> None:
  """Writes the IDs; the tokenizer is the parent's, and so is its fingerprint.

  Codes mean the same as long as that does, also those in a server's log.
  """
  final = folder / "tokenizer"
  if (final / manifests.MANIFEST).is_file():
    return
  partial = folder / "tokenizer.partial"
  shutil.rmtree(partial, ignore_errors=True)
  link_files(
    parent.directory / "tokenizer",
    partial,
    but=(manifests.MANIFEST, "semantic_ids"),
  )
  items.semantic_ids.save(partial / "semantic_ids")
  manifests.write(partial, parent.manifests["tokenizer"])
  shutil.rmtree(final, ignore_errors=True)
  atomic.rename(partial, final)


def link_files(
  source: pathlib.Path, target: pathlib.Path, *, but: Sequence[str]
) -> None:
  """Links all files of a folder into another one, without some names."""
  target.mkdir(parents=True, exist_ok=True)
  for path in sorted(source.iterdir()):
    if path.name in but:
      continue
    if path.is_dir():
      link_files(path, target / path.name, but=())
    else:
      _link(path, target / path.name)


def _link(source: pathlib.Path, target: pathlib.Path) -> None:
  target.unlink(missing_ok=True)
  try:
    os.link(source, target)
  except OSError:
    shutil.copy2(source, target)
