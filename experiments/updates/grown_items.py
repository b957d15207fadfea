"""The items of a run, and behind them those that came later.

First those that the server was given (`POST /items`), under the IDs that it
gave them, then those of the update's own file, which the tokenizer of the run
codes. Rows are only added and no ID moves. Facts of known items are what the
server's log says; the file describes new ones alone.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.retrieval.load import Artefacts
from gr_jax.serving.catalogue.encoding import ItemEncoder
from gr_jax.serving.catalogue.item_log import read_changes
from gr_jax.serving.catalogue.items import Items, NewItem, catalogue_items
from gr_jax.serving.catalogue.log_replay import applied, fold
from gr_jax.tokenizers.semantic_ids import SemanticIds


@dataclasses.dataclass(frozen=True, eq=False)
class GrownItems:
  """A catalogue with more rows than its run has.

  Attributes:
    catalogue: popularity is that of the run, 0 for what was added.
    semantic_ids: the IDs of all rows; those of known rows are as they were.
    vectors: `[n, D]` of the added rows.
  """

  catalogue: Catalogue
  semantic_ids: SemanticIds
  vectors: np.ndarray

  @property
  def added(self) -> int:
    """The number of new rows."""
    return len(self.vectors)


def grow(
  artefacts: Artefacts, new: Sequence[NewItem], *, log: pathlib.Path
) -> GrownItems:
  """Adds the items of a server's log, then new ones that nobody knows.

  Args:
    artefacts: the run.
    new: items of the update's file, distinct ids; known ones are left alone.
    log: the file of the server's changes; may be missing.

  Raises:
    ValueError: the log is damaged, an item has a category that is no path, or
      there is no room for the IDs.
  """
  encoder = ItemEncoder(artefacts)
  before = catalogue_items(artefacts.catalogue, artefacts.semantic_ids)
  logged = fold(read_changes(log), mark=artefacts.tokenizer_fingerprint)
  # What is removed or out of stock stays a matter of the log.
  logged = logged._replace(remove=(), stock={})
  items, _ = applied(
    logged, before, encoder.codes, vector_width=artefacts.vector_width
  )
  fresh = [item for item in new if items.row(item.item_id) < 0]
  for item in fresh:
    encoder.check_fields(item)
  if fresh:
    fresh = encoder.with_categories(fresh, items)
    items = items.with_facts(fresh, encoder.codes(fresh, items))
  facts = {item.item_id: item for item in (*logged.add, *fresh)}
  ids = items.item_ids[len(before) :].tolist()
  added = [facts[each] for each in ids]
  return GrownItems(
    _catalogue(artefacts.catalogue, items, added, logged.add),
    items.semantic_ids,
    _vectors(artefacts, encoder, added),
  )


def _catalogue(
  old: Catalogue,
  items: Items,
  added: Sequence[NewItem],
  logged: Sequence[NewItem],
) -> Catalogue:
  names: list[list[str]] = [[] for _ in old.category_names]
  # A dictionary keeps the order in which rows were given.
  for path, (depth, _) in items.category_row.items():
    names[depth].append(path)
  return dataclasses.replace(
    old,
    item_ids=object_array(items.item_ids.tolist()),
    texts=object_array(items.texts.tolist()),
    categories=items.categories,
    category_names=tuple(map(tuple, names)),
    values=np.nan_to_num(items.prices),
    free=items.prices == 0,
    popularity=items.popularity,
    fields=np.concatenate([known_fields(old, logged), _fields(old, added)]),
    attributes={
      name: column.extend_constant(None, len(items) - len(column))
      for name, column in items.attributes.items()
    },
  )


def known_fields(old: Catalogue, logged: Sequence[NewItem]) -> np.ndarray:
  """`[N, F]` object of known items, as a server's log describes them anew.

  Args:
    old: the catalogue of the run.
    logged: items of the log; a field that one does not bring stays.
  """
  fields = old.fields.copy()
  rows = {item_id: row for row, item_id in enumerate(old.item_ids.tolist())}
  columns = {name: column for column, name in enumerate(old.field_names)}
  for item in logged:
    if item.item_id not in rows:
      continue
    for name, value in (item.fields or {}).items():
      if name in columns:
        fields[rows[item.item_id], columns[name]] = value
  return fields


def _fields(old: Catalogue, added: Sequence[NewItem]) -> np.ndarray:
  """`[n, F]` object, None where an item does not say."""
  fields = np.full((len(added), len(old.field_names)), None, object)
  for row, item in zip(fields, added):
    row[:] = [(item.fields or {}).get(name) for name in old.field_names]
  return fields


def _vectors(
  artefacts: Artefacts, encoder: ItemEncoder, new: Sequence[NewItem]
) -> np.ndarray:
  """`[n, D]`, nothing in the part that purchases fill, as tokenized."""
  vectors = np.zeros((len(new), artefacts.vector_width), np.float32)
  if not new:
    return vectors
  if not artefacts.stored_vectors:
    text, _ = encoder.prepare()
    part = text.encode([item.text for item in new]) * artefacts.text_weight
    vectors[:, : part.shape[1]] = part
  for row, item in zip(vectors, new):
    if item.vector is not None and len(item.vector) == len(row):
      row[:] = item.vector
  return vectors
