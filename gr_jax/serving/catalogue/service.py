"""A catalogue that is searched while it changes, from files and back to them.

What is being served is one reference to an engine and a snapshot. A change or
a reload builds the next pair beside it and swaps the reference; whoever works
with the old pair keeps it.
"""

import contextlib
import dataclasses
import pathlib
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from gr_jax.decoding.beams import BeamSize
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.quantization.policy import Decision
from gr_jax.retrieval.compiled_search import CompiledSearches
from gr_jax.retrieval.load import load_artefacts
from gr_jax.serving.catalogue.encoding import ItemEncoder
from gr_jax.serving.catalogue.group_commit import GroupCommit
from gr_jax.serving.catalogue.item_log import ItemLog
from gr_jax.serving.catalogue.items import ItemChange, catalogue_items
from gr_jax.serving.catalogue.log_replay import (
  applied,
  change_record,
  fold,
  with_change,
)
from gr_jax.serving.catalogue.snapshot import Snapshot, first_snapshot
from gr_jax.serving.engine.engine import Answer, Engine
from gr_jax.serving.requests import Invalid, SearchRequest

_TURN = 2e-4  # Seconds.


class Busy(Exception):
  """A reload is under way; changes and other reloads come after it."""


class NoRoom(Exception):
  """A level of the IDs, or the catalogue, is full."""


class NotWritten(Exception):
  """The log did not take a change, which is thus undone."""


@dataclasses.dataclass(frozen=True)
class ServiceConfig:
  """The run that is served, and the sizes of its searches.

  Attributes:
    artefacts: the workdir of a run.
    log: the file of the changes.
    beams: the IDs that a search can keep, the default first: each a number, or
      one for every level.
    multiples: widths that follow the load, as multiples of the default beam's,
      rising, 1 among them; none = the default beam, whatever the load.
    max_batch: requests answered at once.
    room: new IDs that fit beside those of the run.
    programs: the folder of compiled searches; None keeps none.
    mesh: the numbers of devices that search together; None = one device.
    weights: the format of the kernels, one of `retrieval.weights.WEIGHTS`; "" =
      as they were trained.
  """

  artefacts: pathlib.Path
  log: pathlib.Path
  beams: tuple[BeamSize, ...] = (50,)
  multiples: tuple[float, ...] = ()
  max_batch: int = 16
  room: int = 8192
  programs: pathlib.Path | None = None
  mesh: MeshConfig | None = None
  weights: str = ""

  def __post_init__(self):
    if self.weights and self.mesh is not None:
      raise ValueError(
        f"weights={self.weights} are whole on one device: leave out the mesh, "
        "or the weights."
      )


class Serving(NamedTuple):
  """One generation of everything that answers."""

  engine: Engine
  encoder: ItemEncoder
  snapshot: Snapshot


class Service:
  """Loads at once; `warm` makes it quick.

  Raises:
    FileNotFoundError, ValueError, OSError: artefacts or log cannot be read, or
      the mesh does not fit the devices or the network.

  Attributes:
    serving: the generation that answers.
  """

  def __init__(self, config: ServiceConfig):
    self.config = config
    self._searches = CompiledSearches(config.programs)
    self._mesh = make_mesh(config.mesh) if config.mesh else None
    self._lock = threading.Lock()
    self._reloading = threading.Lock()
    self._log = ItemLog(config.log)
    self._capacity = 0
    self._commit = GroupCommit(self._committed, self._lock)
    try:
      self.serving = self._loaded()
    except BaseException:
      self._log.close()
      raise

  @property
  def quantized(self) -> Sequence[Decision]:
    """What became of each array of weights; empty if they are as trained."""
    return self.serving.engine.artefacts.quantized

  @property
  def programs(self) -> int:
    """The number of compiled searches."""
    return len(self._searches)

  @property
  def log_records(self) -> int:
    return self._log.records

  def warm(self) -> None:
    """Compiles or loads every program that searches need."""
    self.serving.engine.warm(self.serving.snapshot)

  def answer(self, requests: Sequence[SearchRequest]) -> list[Answer | Invalid]:
    """Answers from one generation, as `Engine.answer`."""
    engine, _, snapshot = self.serving
    return engine.answer(requests, snapshot)

  def change(self, change: ItemChange) -> dict[str, Any]:
    """Applies all of a change or nothing; on disk when it returns.

    Returns:
      The version, the items as they are now, and ids that nobody knows. Of an
      item whose category its neighbours gave, `category_share` is the share of
      their votes.

    Raises:
      Invalid: the change does not fit the catalogue.
      NoRoom: it has more IDs than there is room for.
      NotWritten: the log cannot be written; nothing has changed.
      Busy: while a reload is under way.
    """
    if self._reloading.locked():
      raise Busy
    return self._commit(change)

  def _committed(
    self, changes: Sequence[ItemChange]
  ) -> list[dict[str, Any] | Exception]:
    """Applies changes one after the other, and writes them at once."""
    serving, records, done = self.serving, [], []
    for change in changes:
      try:
        new, record = _changed(serving, change)
      except Invalid as error:
        done.append(error)
      except ValueError as error:
        done.append(NoRoom(str(error)))
      else:
        done.append(_described(change, serving.snapshot, new, record))
        serving = serving._replace(snapshot=new)
        records.append(record)
    try:
      self._log.append(*records)
    except OSError as error:
      lost = NotWritten(error.strerror or str(error))
      return [each if isinstance(each, Exception) else lost for each in done]
    self.serving = serving
    return done

  def item(self, item_id: str) -> dict[str, Any] | None:
    """The item as HTTP answers it; None where it is unknown or removed."""
    items = self.serving.snapshot.items
    row = items.row(item_id)
    return items.record(row) if row >= 0 and items.present[row] else None

  def reload(self) -> int:
    """Serves what lies in the artefact folder now; returns the version.

    Of a run with versions this is the one that its pointer names. The new
    generation is loaded and warmed beside the old one, which goes on answering,
    also when this fails.

    Raises:
      FileNotFoundError, ValueError, OSError: the old one stays.
      Busy: another reload is under way.
    """
    if not self._reloading.acquire(blocking=False):
      raise Busy
    try:
      with self._lock, _short_turns():
        new = self._loaded()
        new.engine.warm(new.snapshot)
        new.encoder.prepare()
        self.serving = new
        return new.snapshot.version
    finally:
      self._reloading.release()

  def close(self) -> None:
    """Ends the log; no change comes after this."""
    with self._lock:
      self._log.close()

  def _loaded(self) -> Serving:
    config = self.config
    artefacts = load_artefacts(config.artefacts, weights=config.weights)
    encoder = ItemEncoder(artefacts)
    mark = artefacts.tokenizer_fingerprint
    items, recoded = applied(
      logged := fold(self._log.changes(), mark=mark),
      catalogue_items(artefacts.catalogue, artefacts.semantic_ids),
      encoder.codes,
      vector_width=artefacts.vector_width,
    )
    if recoded:
      # IDs of this tokenizer stay from now on, too.
      stock = {i.item_id: logged.stock[i.item_id] for i in recoded}
      gone = [item_id for item_id in logged.remove if item_id in stock]
      # Facts that came after them, too.
      paused = {i.item_id: logged.paused.get(i.item_id, False) for i in recoded}
      prices = {i.item_id: logged.prices[i.item_id] for i in recoded}
      change = ItemChange(recoded, gone, stock, paused, prices)
      self._log.append(change_record(mark, change))
    facts = {item.item_id: item for item in logged.add}
    added: list[str] = items.item_ids[len(artefacts.catalogue) :].tolist()
    self._make_room(artefacts.semantic_ids.num_ids)
    snapshot = first_snapshot(
      items,
      capacity=self._capacity,
      version=1 + self._log.records,
      count_alpha=artefacts.count_alpha,
      transitions=artefacts.transitions,
      candidates=encoder.candidates(
        artefacts.candidates, [facts[each] for each in added], items
      ),
    )
    engine = Engine(
      artefacts,
      self._searches,
      beams=config.beams,
      multiples=config.multiples,
      max_batch=config.max_batch,
      mesh=self._mesh,
    )
    return Serving(engine, encoder, snapshot)

  def _make_room(self, num_ids: int) -> None:
    """Sets the IDs that any version can hold.

    It shapes every program. A reload keeps it while half of the room is left,
    so that a run that has grown by an update compiles nothing.
    """
    if num_ids + self.config.room // 2 > self._capacity:
      self._capacity = num_ids + self.config.room


@contextlib.contextmanager
def _short_turns() -> Iterator[None]:
  """Lets threads that answer take their turn soon.

  Loading is a second of Python, and an answer takes Python's lock a dozen
  times: each would wait for the usual turn of 5 ms.
  """
  usual = sys.getswitchinterval()
  sys.setswitchinterval(min(usual, _TURN))
  try:
    yield
  finally:
    sys.setswitchinterval(usual)


def _changed(
  old: Serving, change: ItemChange
) -> tuple[Snapshot, dict[str, Any]]:
  """Returns the next version and its record in the log."""
  items = old.snapshot.items
  for item in change.add:
    # Also of known items, whose codes stay: the log keeps the vector.
    old.encoder.check_vector(item)
    old.encoder.check_fields(item)
  fresh = [i for i in change.add if items.row(i.item_id) < 0]
  # Checked first, so that nothing is encoded in vain.
  items.with_categories(change.add)
  fresh = old.encoder.with_categories(fresh, items) if fresh else fresh
  filled = {item.item_id: item for item in fresh}
  add = [filled.get(i.item_id, i) for i in change.add]
  codes = old.encoder.codes(fresh, items) if fresh else np.zeros((0, 0))
  if add:
    items = items.with_facts(add, codes)
  # An item that comes later was never paused.
  known = {k: v for k, v in change.paused.items() if items.row(k) >= 0}
  change = change._replace(paused=known)
  items = with_change(items, change)
  given = dict(zip((i.item_id for i in fresh), map(tuple, codes.tolist())))
  add = [i._replace(codes=given.get(i.item_id)) for i in add]
  mark = old.engine.artefacts.tokenizer_fingerprint
  record = change_record(mark, change._replace(add=add))
  candidates = old.encoder.candidates(old.snapshot.candidates, fresh, items)
  return old.snapshot.changed(items, candidates), record


def _described(
  change: ItemChange, old: Snapshot, new: Snapshot, record: dict[str, Any]
) -> dict[str, Any]:
  """What `Service.change` returns."""
  rows = new.items.rows([item.item_id for item in change.add])
  named = dict.fromkeys(
    (*change.remove, *change.stock, *change.paused, *change.prices)
  )
  return {
    "version": new.version,
    "items": [
      new.items.record(row)
      | {
        "category": new.items.path_of(new.items.categories[row]),
        "category_share": item.get("category_share"),
      }
      for row, item in zip(rows.tolist(), record["add"])
    ],
    "unknown": [each for each in named if old.items.row(each) < 0],
  }
