"""The changes of a log, folded into the items of a catalogue."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gr_jax.serving.catalogue.items import ItemChange, Items, NewItem

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
  return {"mark": mark, **change._asdict(), "add": items}


def fold(changes: Iterable[dict[str, Any]], *, mark: str) -> ItemChange:
  """Folds changes, oldest first, into one; items in order of appearance.

  Codes of another tokenizer are left out.
  """
  facts: dict[str, NewItem] = {}
  present: dict[str, bool] = {}
  stock: dict[str, bool] = {}
  paused: dict[str, bool] = {}
  prices: dict[str, float] = {}
  for change in changes:
    for stored in change["add"]:
      item = NewItem(**stored)
      old = facts.get(item.item_id)
      codes = item.codes if change["mark"] == mark else None
      facts[item.item_id] = item._replace(
        # What was given first stays.
        codes=old.codes if old and old.codes else codes,
        category=item.category or (old.category if old else None),
        vector=item.vector or (old.vector if old else None),
        fields={**((old and old.fields) or {}), **(item.fields or {})} or None,
      )
      present[item.item_id] = True
      stock[item.item_id] = item.in_stock
      prices[item.item_id] = item.price
      if item.paused is not None:
        paused[item.item_id] = item.paused
    removed = dict.fromkeys(change["remove"], False)
    present |= removed
    paused |= removed
    stock |= change["stock"]
    # Logs of before have none.
    paused |= change.get("paused", {})
    prices |= change.get("prices", {})
  gone = [item_id for item_id, there in present.items() if not there]
  return ItemChange(list(facts.values()), gone, stock, paused, prices)


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
