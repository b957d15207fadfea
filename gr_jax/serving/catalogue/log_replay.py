"""The changes of a log, folded into the items of a catalogue."""

import dataclasses
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gr_jax.serving.catalogue.items import Items, NewItem

Encode = Callable[[Sequence[NewItem], Items], np.ndarray]
"""`ItemEncoder.codes`: (new items, items) -> `[n, L]`."""


def change_record(
  mark: str,
  *,
  add: Iterable[NewItem] = (),
  remove: Iterable[str] = (),
  stock: dict[str, bool] | None = None,
) -> dict[str, Any]:
  """One change as the log keeps it.

  Args:
    mark: the mark of the tokenizer that gave the codes.
    add: new items, with codes where they were given now.
    remove: item ids.
    stock: whether an item can be bought, by its id.
  """
  items = [
    {name: value for name, value in item._asdict().items() if value is not None}
    for item in add
  ]
  return {
    "mark": mark,
    "add": items,
    "remove": list(remove),
    "stock": stock or {},
  }


@dataclasses.dataclass
class Folded:
  """All changes of a log in one.

  Attributes:
    facts: the last facts by item id, in the order in which ids first appear.
    present: whether an item is shown, by its id.
    stock: whether an item can be bought, by its id.
  """

  facts: dict[str, NewItem] = dataclasses.field(default_factory=dict)
  present: dict[str, bool] = dataclasses.field(default_factory=dict)
  stock: dict[str, bool] = dataclasses.field(default_factory=dict)


def fold(changes: Iterable[dict[str, Any]], *, mark: str) -> Folded:
  """Folds changes, oldest first; codes of another tokenizer are left out."""
  folded = Folded()
  for change in changes:
    for stored in change["add"]:
      item = NewItem(**stored)
      old = folded.facts.get(item.item_id)
      codes = item.codes if change["mark"] == mark else None
      folded.facts[item.item_id] = item._replace(
        # What was given first stays.
        codes=old.codes if old and old.codes else codes,
        category=item.category or (old.category if old else None),
        vector=item.vector or (old.vector if old else None),
      )
      folded.present[item.item_id] = True
      folded.stock[item.item_id] = item.in_stock
    folded.present |= dict.fromkeys(change["remove"], False)
    folded.stock |= change["stock"]
  return folded


def applied(
  folded: Folded, items: Items, encode: Encode, *, vector_width: int
) -> tuple[Items, list[NewItem]]:
  """Returns the items after the changes, and those that were coded anew.

  What a newer run cannot use, a category that is gone or a vector of another
  width, is left out, with a message.

  Raises:
    ValueError: a level of the IDs is full.
  """
  known = [
    _known_vector(_known_category(item, items), vector_width)
    for item in folded.facts.values()
  ]
  fresh = [i for i in known if items.row(i.item_id) < 0]
  # Codes that were given come first: new ones must see what is taken.
  given = [i for i in fresh if i.codes is not None]
  if given:
    items = items.with_facts(given, np.array([i.codes for i in given]))
  missing = [i for i in fresh if i.codes is None]
  recoded = []
  if missing:
    codes = encode(missing, items)
    items = items.with_facts(missing, codes)
    recoded = [
      i._replace(codes=tuple(c.tolist())) for i, c in zip(missing, codes)
    ]
  rest = [i for i in known if i.item_id not in {f.item_id for f in fresh}]
  if rest:
    items = items.with_facts(rest, np.zeros((0, items.semantic_ids.num_levels)))
  gone = [item_id for item_id, there in folded.present.items() if not there]
  return items.without(gone).with_stock(folded.stock), recoded


def _known_category(item: NewItem, items: Items) -> NewItem:
  """The item without a category that a newer catalogue no longer has."""
  if item.category is None or item.category in items.category_row:
    return item
  print(
    f"log: item {item.item_id!r} had category {item.category!r}, which this "
    "catalogue does not know; it has none now.",
    file=sys.stderr,
    flush=True,
  )
  return item._replace(category=None)


def _known_vector(item: NewItem, width: int) -> NewItem:
  """The item without a vector that this tokenizer cannot read."""
  if item.vector is None or len(item.vector) == width:
    return item
  print(
    f"log: item {item.item_id!r} had a vector of {len(item.vector)} numbers; "
    f"this run's have {width}: its text is encoded in its place.",
    file=sys.stderr,
    flush=True,
  )
  return item._replace(vector=None)
