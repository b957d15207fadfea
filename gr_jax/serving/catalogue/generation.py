"""One generation of everything that answers: a run, and the log's changes."""

import dataclasses
import pathlib
from typing import Any, NamedTuple

from jax.sharding import Mesh

from gr_jax.decoding.beams import BeamSize
from gr_jax.parallel.mesh import MeshConfig
from gr_jax.retrieval.compiled_search import CompiledSearches
from gr_jax.retrieval.load import Artefacts, load_artefacts
from gr_jax.serving.catalogue.encoding import ItemEncoder
from gr_jax.serving.catalogue.item_change import ItemChange, NewItem
from gr_jax.serving.catalogue.items import Items, catalogue_items
from gr_jax.serving.catalogue.log_replay import applied, change_record
from gr_jax.serving.catalogue.log_state import LogState
from gr_jax.serving.catalogue.snapshot import Snapshot, first_snapshot
from gr_jax.serving.engine.engine import Engine


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
    remembered: removed items that keep their IDs when there is no room left,
      the latest ones; None = as many as a quarter of the room. Others that came
      after training are forgotten then, which gives their room back.
    compact_bytes: bytes from which the log is compacted once it is twice as
      long as after the compaction before.
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
  remembered: int | None = None
  compact_bytes: int = 16_000_000
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


class Replayed(NamedTuple):
  """The items of a run after the changes of a log.

  Attributes:
    items: the rows; those of the run first.
    added: the facts of the others.
    recoded: the change by which they keep the IDs that they were given now, as
      the log keeps it; None where they had some.
  """

  items: Items
  added: list[NewItem]
  recoded: dict[str, Any] | None


def load_engine(
  config: ServiceConfig, searches: CompiledSearches, mesh: Mesh | None
) -> tuple[Engine, ItemEncoder]:
  """Loads the run that lies there now, its current version if it has some.

  Raises:
    FileNotFoundError, ValueError, OSError: it cannot be read.
  """
  artefacts = load_artefacts(config.artefacts, weights=config.weights)
  engine = Engine(
    artefacts,
    searches,
    beams=config.beams,
    multiples=config.multiples,
    max_batch=config.max_batch,
    mesh=mesh,
  )
  return engine, ItemEncoder(artefacts)


def model_name(artefacts: Artefacts) -> str:
  """What tells a run, or a version of it, from others."""
  return f"{artefacts.version} {artefacts.fingerprint}"


def replayed(
  artefacts: Artefacts, encoder: ItemEncoder, log: LogState
) -> Replayed:
  """The items after all changes of a log.

  Raises:
    ValueError: a level of the IDs is full.
  """
  mark = artefacts.tokenizer_fingerprint
  logged = log.change(mark)
  items, recoded = applied(
    logged,
    catalogue_items(artefacts.catalogue, artefacts.semantic_ids),
    encoder.codes,
    vector_width=artefacts.vector_width,
  )
  facts = {item.item_id: item for item in logged.add}
  ids: list[str] = items.item_ids[len(artefacts.catalogue) :].tolist()
  return Replayed(
    items,
    [facts[each] for each in ids],
    change_record(mark, _again(recoded, logged)) if recoded else None,
  )


def _again(recoded: list[NewItem], logged: ItemChange) -> ItemChange:
  """Items under new IDs, with what came after them in the log."""
  stock = {i.item_id: logged.stock[i.item_id] for i in recoded}
  gone = [item_id for item_id in logged.remove if item_id in stock]
  paused = {i.item_id: logged.paused.get(i.item_id, False) for i in recoded}
  prices = {i.item_id: logged.prices[i.item_id] for i in recoded}
  return ItemChange(recoded, gone, stock, paused, prices)


def first_serving(
  engine: Engine,
  encoder: ItemEncoder,
  found: Replayed,
  *,
  capacity: int,
  version: int,
) -> Serving:
  """The generation whose catalogue has these items.

  Args:
    engine: that of the run.
    encoder: likewise.
    found: the items.
    capacity: IDs that any version can hold.
    version: the number of this version of the catalogue.

  Raises:
    ValueError: more IDs than the capacity.
  """
  artefacts = engine.artefacts
  snapshot = first_snapshot(
    found.items,
    capacity=capacity,
    version=version,
    count_alpha=artefacts.count_alpha,
    transitions=artefacts.transitions,
    candidates=encoder.candidates(
      artefacts.candidates, found.added, found.items
    ),
  )
  return Serving(engine, encoder, snapshot)


def capacity_for(run: int, now: int, *, room: int, before: int) -> int:
  """The IDs that any version of a catalogue can hold.

  It shapes every program. What it was stays while half of the room is left to
  the run, so that one that has grown by an update compiles nothing.

  Args:
    run: the IDs of the run.
    now: those with what the log has added.
    room: new IDs that fit beside the run's at a start.
    before: the capacity of the generation before, 0 at a start.
  """
  if run + room // 2 <= before and now <= before:
    return before
  return run + room
