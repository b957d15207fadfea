"""A catalogue that is searched while it changes, from files and back to them.

What is being served is one reference to an engine and a snapshot. A change or
a reload builds the next pair beside it and swaps the reference; whoever works
with the old pair keeps it.
"""

import contextlib
import dataclasses
import threading
from collections.abc import Sequence
from typing import Any

from gr_jax.parallel.mesh import make_mesh
from gr_jax.quantization.policy import Decision
from gr_jax.retrieval.compiled_search import CompiledSearches
from gr_jax.serving.catalogue.compaction import Compaction
from gr_jax.serving.catalogue.encoding import ItemEncoder
from gr_jax.serving.catalogue.generation import (
  Replayed,
  ServiceConfig,
  Serving,
  capacity_for,
  first_serving,
  load_engine,
  model_name,
  replayed,
)
from gr_jax.serving.catalogue.generation_change import changed, described
from gr_jax.serving.catalogue.group_commit import GroupCommit
from gr_jax.serving.catalogue.item_change import ItemChange
from gr_jax.serving.catalogue.item_log import ItemLog
from gr_jax.serving.catalogue.room import Room
from gr_jax.serving.engine.engine import Answer, Engine
from gr_jax.serving.long_lived import turns_of
from gr_jax.serving.requests import Invalid, SearchRequest

_TURN = 2e-4  # Seconds of a turn while a version is loaded.


class Busy(Exception):
  """A reload is under way; other reloads come after it."""


class NoRoom(Exception):
  """A level of the IDs, or the catalogue, is full."""


class NotWritten(Exception):
  """The log did not take a change, which is thus undone."""


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
    self._compaction = Compaction(self._log, self._lock, config.compact_bytes)
    self._capacity = 0
    self._room = Room(config.room, config.remembered)
    self._commit = GroupCommit(self._committed, self._lock)
    try:
      first = self._replay(*self._load())
      self.serving = self._noted(first, self._log.state.model)
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
    """The changes so far, those before compactions among them."""
    return self._log.records

  @property
  def log_bytes(self) -> int:
    return self._log.place.size

  @property
  def log_trouble(self) -> str | None:
    """Why no change can be taken: the log was moved, say; None if it can."""
    return self._log.trouble()

  @property
  def room_left(self) -> int:
    """New IDs that fit, in the place of what would be forgotten for them."""
    ids = self.serving.snapshot.items.semantic_ids
    return self._room.left(self._capacity - ids.num_ids, self._log.state)

  def compact(self) -> None:
    """Writes the log anew, as what its changes come to, while it is used.

    Raises:
      OSError: it cannot be written; the log is as it was.
    """
    self._compaction.run()

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
    """
    return self._commit(change)

  def _committed(
    self, changes: Sequence[ItemChange]
  ) -> list[dict[str, Any] | Exception]:
    """Applies changes one after the other, and writes them at once."""
    serving, records, done = self._applied(changes)
    if any(isinstance(each, NoRoom) for each in done) and self._forget():
      serving, records, done = self._applied(changes)
    try:
      self._log.append(*records)
    except OSError as error:
      lost = NotWritten(error.strerror or str(error))
      return [each if isinstance(each, Exception) else lost for each in done]
    self.serving = serving
    self._room.warn(self.room_left)
    self._compaction.start_if_due()
    return done

  def _applied(
    self, changes: Sequence[ItemChange]
  ) -> tuple[Serving, list[dict[str, Any]], list[dict[str, Any] | Exception]]:
    """What is served after changes, their records, and what each comes to."""
    serving, records, done = self.serving, [], []
    for change in changes:
      try:
        new, record = changed(serving, change)
      except Invalid as error:
        done.append(error)
      except ValueError as error:
        done.append(NoRoom(str(error)))
      else:
        done.append(described(change, serving.snapshot, new, record))
        serving = serving._replace(snapshot=new)
        # One that names unknown items alone is none.
        records += [record] if record else []
    return serving, records, done

  def _forget(self) -> bool:
    """Gives the room of items that left long ago back, see `room`."""
    record = {"forget": self._room.forgettable(self._log.state)}
    if not record["forget"]:
      return False
    state = self._log.state.copied()
    state.add(record)
    engine, encoder, _ = self.serving
    found = replayed(engine.artefacts, encoder, state)
    new = self._serving(engine, encoder, found, records=self._log.records + 1)
    # A disk that fails says so at the change itself.
    with contextlib.suppress(OSError):
      self._log.append(record)
      self.serving = new
      return True
    return False

  def item(self, item_id: str) -> dict[str, Any] | None:
    """The item as HTTP answers it; None where it is unknown or removed."""
    items = self.serving.snapshot.items
    row = items.row(item_id)
    return items.record(row) if row >= 0 and items.present[row] else None

  def reload(self) -> int:
    """Serves what lies in the artefact folder now; returns the version.

    Of a run with versions this is the one that its pointer names. The new
    generation is loaded and warmed beside the old one, which goes on answering
    and changing, also when this fails. Changes that come meanwhile are in the
    log; they are read once more before the new one answers.

    Raises:
      FileNotFoundError, ValueError, OSError: the old one stays.
      Busy: another reload is under way.
    """
    if not self._reloading.acquire(blocking=False):
      raise Busy
    try:
      with turns_of(_TURN):
        new, whole = self._beside()
        new.engine.warm(new.snapshot)
        new.encoder.prepare()
        with self._lock:
          if not whole or self._log.records >= new.snapshot.version:
            warmed = new.snapshot.live.capacity
            new = self._replay(new.engine, new.encoder)
            if new.snapshot.live.capacity != warmed:
              new.engine.warm(new.snapshot)
          before = model_name(self.serving.engine.artefacts)
          self.serving = new = self._noted(new, before)
        return new.snapshot.version
    finally:
      self._reloading.release()

  def _load(self) -> tuple[Engine, ItemEncoder]:
    return load_engine(self.config, self._searches, self._mesh)

  def close(self) -> None:
    """Ends the log; no change comes after this."""
    with self._lock:
      self._log.close()

  def _beside(self) -> tuple[Serving, bool]:
    """A generation from the changes so far, and whether it needs no new IDs."""
    engine, encoder = self._load()
    with self._lock:
      state, records = self._log.state.copied(), self._log.records
    found = replayed(engine.artefacts, encoder, state)
    whole = found.recoded is None
    return self._serving(engine, encoder, found, records=records), whole

  def _replay(self, engine: Engine, encoder: ItemEncoder) -> Serving:
    """The generation of a run and all changes so far; the lock is held."""
    artefacts, state = engine.artefacts, self._log.state
    found = replayed(artefacts, encoder, state)
    new = found.items.semantic_ids.num_ids - artefacts.semantic_ids.num_ids
    if new > self.config.room and (names := self._room.forgettable(state)):
      self._log.append({"forget": names})
      found = replayed(artefacts, encoder, state)
    if found.recoded is not None:
      # IDs of this tokenizer stay from now on, too.
      self._log.append(found.recoded)
    records = self._log.records
    return self._serving(engine, encoder, found, records=records)

  def _noted(self, new: Serving, before: str) -> Serving:
    """Counts another model as a change: its answers have another version.

    Args:
      new: what is to be served.
      before: the name of the model before, empty where nobody knows.
    """
    model = model_name(new.engine.artefacts)
    if before in ("", model):
      return new
    self._log.append({"model": model})
    version = 1 + self._log.records
    snapshot = dataclasses.replace(new.snapshot, version=version)
    return new._replace(snapshot=snapshot)

  def _serving(
    self, engine: Engine, encoder: ItemEncoder, found: Replayed, *, records: int
  ) -> Serving:
    capacity = capacity_for(
      engine.artefacts.semantic_ids.num_ids,
      found.items.semantic_ids.num_ids,
      room=self.config.room,
      before=self._capacity,
    )
    new = first_serving(
      engine, encoder, found, capacity=capacity, version=1 + records
    )
    self._capacity = capacity
    return new
