"""A change of the items of a generation, and how it is answered and logged."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gr_jax.serving.catalogue.attributes import check_names
from gr_jax.serving.catalogue.generation import Serving
from gr_jax.serving.catalogue.item_change import ItemChange
from gr_jax.serving.catalogue.items import Items
from gr_jax.serving.catalogue.log_replay import change_record, with_change
from gr_jax.serving.catalogue.snapshot import Snapshot


def changed(
  old: Serving, change: ItemChange
) -> tuple[Snapshot, dict[str, Any]]:
  """The next version of the catalogue, and its record in the log.

  A change that names unknown items alone is none: the version stays, and the
  record is empty.

  Raises:
    Invalid: the change does not fit the catalogue.
    ValueError: it has more IDs than there is room for.
  """
  items = old.snapshot.items
  for item in change.add:
    # Also of known items, whose codes stay: the log keeps the vector.
    old.encoder.check_vector(item)
    old.encoder.check_fields(item)
  check_names(items.attributes, [i.attributes or {} for i in change.add])
  fresh = [i for i in change.add if items.row(i.item_id) < 0]
  # Checked first, so that nothing is encoded in vain.
  items.with_categories(change.add)
  fresh = old.encoder.with_categories(fresh, items) if fresh else fresh
  filled = {item.item_id: item for item in fresh}
  add = [filled.get(i.item_id, i) for i in change.add]
  codes = old.encoder.codes(fresh, items) if fresh else np.zeros((0, 0))
  if add:
    items = items.with_facts(add, codes)
  change = _of_known(change, items)
  if not any(change):
    return old.snapshot, {}
  items = with_change(items, change)
  given = dict(zip((i.item_id for i in fresh), map(tuple, codes.tolist())))
  add = [i._replace(codes=given.get(i.item_id)) for i in add]
  mark = old.engine.artefacts.tokenizer_fingerprint
  record = change_record(mark, change._replace(add=add))
  candidates = old.encoder.candidates(old.snapshot.candidates, fresh, items)
  return old.snapshot.changed(items, candidates), record


def _of_known(change: ItemChange, items: Items) -> ItemChange:
  """A change without what it says of items that are not there.

  One that comes later was never removed, paused or sold out.
  """

  def known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if items.row(k) >= 0}

  return change._replace(
    remove=list(known(dict.fromkeys(change.remove))),
    stock=known(change.stock),
    paused=known(change.paused),
    prices=known(change.prices),
  )


def described(
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
      new.items.record(row) | {"category_share": item.get("category_share")}
      for row, item in zip(rows.tolist(), record.get("add", ()))
    ],
    "unknown": [each for each in named if old.items.row(each) < 0],
  }
