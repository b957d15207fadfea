"""What a version is made from: grown items and log, written as stages."""

import dataclasses
import json
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.pipeline.prepare import IMPORT
from experiments.updates import stages
from experiments.updates.grown_items import grow
from experiments.updates.grown_log import GrownLog, of_run
from experiments.updates.log_growth import grown
from experiments.updates.new_events import read_events
from experiments.updates.new_items import NewItems, read_items
from experiments.updates.parts import Parts, make_parts
from experiments.updates.record import Record
from experiments.updates.settings import UpdateConfig
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import Requests
from gr_jax.retrieval import versions
from gr_jax.retrieval.load import Artefacts
from gr_jax.tokenizers.semantic_ids import SemanticIds


@dataclasses.dataclass(frozen=True)
class Sources:
  """What comes in.

  Attributes:
    events: the file of events.
    items: the file of the new items; None where there are none.
    log: the server's changes, whose new items keep the IDs that it gave.
    columns: our names of columns to those of the files.
    event_types: types of events to "exposure", "click" or "order".
    time_format: the form of times, as of the import.
    category_separator: what paths are split at, likewise.
    usual: the columns of the run's import, where `columns` says nothing.
  """

  events: pathlib.Path
  items: pathlib.Path | None
  log: pathlib.Path
  columns: Mapping[str, str]
  event_types: Mapping[str, str]
  time_format: str = ""
  category_separator: str = ""
  usual: Mapping[str, str] = dataclasses.field(default_factory=dict)


def import_flags(run: pathlib.Path) -> dict[str, Any]:
  """How the files of a run's import were written; nothing where unknown."""
  path = run / "data" / IMPORT
  return json.loads(path.read_text()) if path.is_file() else {}


def known_log(
  run: pathlib.Path, chain: Sequence[Record], prices: np.ndarray
) -> GrownLog:
  """The log of a run and of the versions of a chain.

  Args:
    run: the folder of the run.
    chain: the versions, oldest first.
    prices: `[N]`, of the items.

  Raises:
    FileNotFoundError: the run's own log is gone.
  """
  log = of_run(Requests.load(run / "data" / "requests"))
  for record in chain:
    events = stages.read_new_events(versions.folder(run, record.name))
    log = _with(log, events, prices, UpdateConfig(**record.settings))
  return log


def prepare(
  folder: pathlib.Path,
  parent: Artefacts,
  log: GrownLog,
  sources: Sources,
  config: UpdateConfig,
  *,
  inputs: Sequence[str],
) -> tuple[Parts, list[str]]:
  """Writes data, vectors and tokenizer of a version, unless they are there.

  Args:
    folder: that of the version.
    parent: the version that it is trained on from.
    log: the log before.
    sources: what comes in; not read again where the stages are there.
    config: the share that is held out.
    inputs: fingerprints of everything that the stages are made from.

  Returns:
    The generator and, unless the stages were there, what was read, a sentence
    each.

  Raises:
    FileNotFoundError, ValueError: a file cannot be read, or nothing is new.
  """
  if (folder / "data" / "manifest.json").is_file():
    catalogue = Catalogue.load(folder / "data" / "catalogue")
    ids = SemanticIds.load(folder / "tokenizer" / "semantic_ids")
    events = stages.read_new_events(folder)
    log = _with(log, events, catalogue.values, config)
    vectors = np.load(folder / "vectors" / "items.npy", mmap_mode="r")
    return make_parts(parent, log, catalogue, ids, vectors), []
  for name in ("data", "vectors", "tokenizer"):
    shutil.rmtree(folder / name, ignore_errors=True)
  new, said = NewItems([], {}), []
  if sources.items is not None:
    new = read_items(
      sources.items,
      sources.columns,
      separator=sources.category_separator,
      usual=sources.usual,
    )
  items = grow(parent, new.items, log=sources.log)
  if sources.items is not None:
    ids = items.catalogue.item_ids[len(parent.catalogue) :].tolist()
    mine = {item.item_id for item in new.items}
    said.append(new.sentence(added=len(mine.intersection(ids))))
  catalogue = items.catalogue
  read = read_events(
    sources.events,
    log.requests,
    catalogue.item_ids,
    columns=sources.columns,
    event_types=sources.event_types,
    time_format=sources.time_format,
    usual=sources.usual,
  )
  log = _with(log, read.frame, catalogue.values, config)
  stages.write_vectors(folder, parent, items, inputs=inputs)
  vectors = np.load(folder / "vectors" / "items.npy", mmap_mode="r")
  parts = make_parts(parent, log, catalogue, items.semantic_ids, vectors)
  stages.write_tokenizer(folder, parent, items)
  # Last: where it is there, the others are.
  stages.write_data(folder, parent, parts.catalogue, read.frame, inputs=inputs)
  return parts, [*said, read.sentence()]


def _with(
  log: GrownLog, events, prices: np.ndarray, config: UpdateConfig
) -> GrownLog:
  return grown(
    log,
    events,
    prices=prices,
    held_out_share=config.held_out,
    seed=config.seed,
  )
