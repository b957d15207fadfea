"""What a writer of candidates knows, on disk.

A folder holds `sources.npz`, all that a log taught the sources, and
`writer.json`: the kinds of the sources, the names and scales of features, and
the training queries that led to an item. What sources share is there once, and
shared again when it is loaded. What follows from the items alone is
computed again (`Source.restored`).
"""

import json
import pathlib
from typing import Any

import numpy as np
from scipy import sparse

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.live import LiveCandidates
from gr_jax.candidates.sources.alike_users import AlikeUsers
from gr_jax.candidates.sources.likeness import Likeness
from gr_jax.candidates.sources.next_item import NextItem
from gr_jax.candidates.sources.own import OwnItems
from gr_jax.candidates.sources.popularity import Popularity
from gr_jax.candidates.sources.query_items import QueryItems
from gr_jax.candidates.sources.sequence_links import SameUsers, Windowed
from gr_jax.candidates.sources.source import Source
from gr_jax.candidates.sources.tastes import Tastes
from gr_jax.candidates.sources.words import Words
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.training_period import page_mask

# The folder beside a generator that reads candidates.
CANDIDATES = "candidates"

_KINDS: tuple[type[Source], ...] = (
  AlikeUsers,
  Windowed,
  SameUsers,
  Likeness,
  NextItem,
  OwnItems,
  Popularity,
  QueryItems,
  Tastes,
  Words,
)
_ARRAYS, _WRITER = "sources.npz", "writer.json"
_PARTS = ("data", "indices", "indptr")


def save(writer: CandidateWriter, directory: pathlib.Path) -> None:
  """Writes a writer of a training log as files in a new folder."""
  directory.mkdir(parents=True, exist_ok=True)
  arrays: dict[str, Any] = {"mean": writer.mean, "scale": writer.scale}
  kinds, first = [], {}
  states = [source.state() for source in writer.sources]
  for place, source in enumerate(writer.sources):
    kind = type(source).__name__
    if kind not in _by_name():
      raise ValueError(
        f"{kind} has no saved form; add it to {__name__}._KINDS."
      )
    kept, shared = {}, {}
    for name, value in states[place].items():
      key = f"{place}.{name}"
      if id(value) in first:
        shared[name] = first[id(value)]
        continue
      if isinstance(value, np.ndarray) or sparse.issparse(value):
        first[id(value)] = place, name
      if isinstance(value, np.ndarray):
        arrays[key] = value
      elif sparse.issparse(value):
        arrays |= {f"{key}.{part}": getattr(value, part) for part in _PARTS}
        arrays[f"{key}.shape"] = np.array(value.shape)
      else:
        kept[name] = value.item() if isinstance(value, np.generic) else value
    kinds.append({"kind": kind, "state": kept, "shared": shared})
  np.savez(directory / _ARRAYS, **arrays)
  if writer.log is None:
    raise ValueError("a writer without a log was loaded, not trained.")
  log = writer.log.requests
  queries = log.query[log.page_request[page_mask(log)]]
  rows = np.unique(queries[queries >= 0]).tolist()
  content = {
    "sources": kinds,
    "names": writer.names,
    "size": writer.size,
    "items": writer.num_items,
    "shared_clock": log.shared_clock,
    "queries": {log.queries[row]: row for row in rows},
  }
  (directory / _WRITER).write_text(json.dumps(content))


def num_items(directory: pathlib.Path) -> int:
  """The number of items that a saved writer was fitted on; 0 of none."""
  path = directory / _WRITER
  return json.loads(path.read_text())["items"] if path.is_file() else 0


def load(
  directory: pathlib.Path, items: ItemFacts, codes: np.ndarray
) -> LiveCandidates:
  """Reads what `save` wrote.

  Args:
    directory: the folder.
    items: the items that the writer was fitted on.
    codes: `[N, L]`, their semantic IDs.

  Raises:
    FileNotFoundError: a file is missing.
    ValueError: it is of other items, or of another version of the sources.
  """
  for name in (_ARRAYS, _WRITER):
    if not (directory / name).is_file():
      raise FileNotFoundError(
        f"there is no file {directory / name}, which the candidates of the "
        "generator need; train it anew."
      )
  content = json.loads((directory / _WRITER).read_text())
  if content["items"] != len(items):
    raise ValueError(
      f"the candidates in {directory} are of {content['items']} items, the "
      f"catalogue has {len(items)}"
    )
  with (
    (directory / _ARRAYS).open("rb") as opened,
    np.load(opened, allow_pickle=False) as file,
  ):
    arrays = {name: file[name] for name in file.files}
  sources, states = [], []
  for place, each in enumerate(content["sources"]):
    kind = _by_name().get(each["kind"])
    if kind is None:
      raise ValueError(
        f"{directory} has a source {each['kind']!r}, which this version does "
        "not know"
      )
    state = each["state"] | _state(arrays, f"{place}.")
    for name, (earlier, known) in each.get("shared", {}).items():
      state[name] = states[earlier][known]
    states.append(state)
    sources.append(kind.restored(state, items))
  writer = CandidateWriter(None, sources, codes, size=content["size"])
  if list(writer.names) != content["names"]:
    raise ValueError(
      f"{directory} has the features of another version: {len(writer.names)} "
      f"are computed, {len(content['names'])} were saved"
    )
  writer.mean, writer.scale = arrays["mean"], arrays["scale"]
  return LiveCandidates(
    writer,
    items,
    query_rows=content["queries"],
    shared_clock=content["shared_clock"],
  )


def _by_name() -> dict[str, type[Source]]:
  return {kind.__name__: kind for kind in _KINDS}


def _state(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, Any]:
  """The arrays and matrices of one source."""
  mine = {
    name.removeprefix(prefix): value
    for name, value in arrays.items()
    if name.startswith(prefix)
  }
  found: dict[str, Any] = {k: v for k, v in mine.items() if "." not in k}
  for name in [k.removesuffix(".shape") for k in mine if k.endswith(".shape")]:
    parts = tuple(mine[f"{name}.{part}"] for part in _PARTS)
    shape = tuple(mine[f"{name}.shape"].tolist())
    found[name] = sparse.csr_array(parts, shape=shape)
  return found
