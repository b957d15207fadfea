"""The changes of a log, folded into the items of a catalogue.

What the log says of an item counts more than what a run's catalogue says, also
where the run is newer: a change was acknowledged, and nothing tells whether the
run's data were collected before or after it. An item that a shop paused must
not come back because a model was trained. Where a new import is to have the
last word, start the server with a log of its own (`--log`).
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gr_jax.serving.catalogue.item_change import ItemChange, NewItem
from gr_jax.serving.catalogue.items import Items
from gr_jax.serving.catalogue.log_state import LogState

Encode = Callable[[Sequence[NewItem], Items], np.ndarray]
"""`ItemEncoder.codes`: (new items, items) -> `[n, L]`."""


def change_record(mark: str, change: ItemChange) -> dict[str, Any]:
  """One change as the log keeps it.

  Args:
    mark: the mark of the tokenizer that gave the codes.
    change: its new items have codes where they were given now.
  """
  items = [
    {name: value for name, value in item._asdict().items() if value is not None}
    for item in change.add
  ]
  said = {**change._asdict(), "add": items}
  return {"mark": mark, **{k: v for k, v in said.items() if v}}


def fold(changes: Iterable[dict[str, Any]], *, mark: str) -> ItemChange:
  """Folds changes, oldest first, into one; items in order of appearance.

  Codes of another tokenizer are left out.
  """
  return LogState(changes).change(mark)


def applied(
  change: ItemChange, items: Items, encode: Encode, *, vector_width: int
) -> tuple[Items, list[NewItem]]:
  """Returns the items after all changes, and those that were coded anew.

  A vector of another width, which a newer run cannot use, is left out, with a
  message. A category that is gone from a newer run is one of new items again.

  Raises:
    ValueError: a level of the IDs is full.
  """
  usable = [_usable(item, vector_width) for item in change.add]
  known = [i for i in usable if items.row(i.item_id) >= 0]
  fresh = [i for i in usable if items.row(i.item_id) < 0]
  # Codes that were given come first: new ones must see what is taken.
  given = [i for i in fresh if i.codes is not None]
  items = items.with_facts(given, np.array([i.codes for i in given]))
  missing = [i for i in fresh if i.codes is None]
  if missing:
    codes = encode(missing, items)
    items = items.with_facts(missing, codes)
    missing = [
      i._replace(codes=tuple(c.tolist())) for i, c in zip(missing, codes)
    ]
  items = items.with_facts(known, np.zeros(0))
  return with_change(items, change), missing


def with_change(items: Items, change: ItemChange) -> Items:
  """The items after a change, apart from those that it adds."""
  items = items.without(change.remove).with_stock(change.stock)
  return items.with_paused(change.paused).with_prices(change.prices)


def _usable(item: NewItem, width: int) -> NewItem:
  """The item without a vector that the run cannot read."""
  if item.vector is not None and len(item.vector) != width:
    _warn(
      item,
      f"a vector of {len(item.vector)} numbers; this run's have {width}: its "
      "text is encoded in its place.",
    )
    item = item._replace(vector=None)
  return item


def _warn(item: NewItem, loss: str) -> None:
  print(f"log: item {item.item_id!r} had {loss}", file=sys.stderr, flush=True)
