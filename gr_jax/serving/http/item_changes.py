"""What can be changed over HTTP: items added, removed, in stock or not."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from gr_jax.serving.catalogue.items import NewItem
from gr_jax.serving.http.fields import (
  Flag,
  Invalid,
  ListOf,
  MapOf,
  Number,
  Record,
  Text,
  shown,
)
from gr_jax.serving.http.search_request import ITEM_ID


class Change(NamedTuple):
  """Items to add or to tell facts of, ids to remove, and stock by id."""

  add: Sequence[NewItem] = ()
  remove: Sequence[str] = ()
  stock: Sequence[tuple[str, bool]] = ()


def items_record() -> Record:
  """The body of `POST /items`."""
  item = {
    "id": ITEM_ID,
    "text": Text(2000, description="What the text encoder reads."),
    "category": Text(500, description="A full path that the catalogue knows."),
    "price": Number(0, 1e9),
    "in_stock": Flag(),
    "vector": ListOf(
      Number(-1e6, 1e6), 16_384, 1, "In place of the text's own vector."
    ),
  }
  return Record(
    {
      "add": ListOf(
        Record(item, ("id", "text")),
        1000,
        description="A known id keeps its semantic ID and gets new facts.",
      ),
      "remove": ListOf(ITEM_ID, 1000, distinct=True),
      "stock": MapOf(Flag(), 1000, "Whether items are in stock, by id."),
    }
  )


def change(body: dict[str, Any]) -> Change:
  """The change of a checked body.

  Raises:
    Invalid: nothing would change, or an item is named twice.
  """
  found = Change(
    add=tuple(_new_item(item) for item in body.get("add", ())),
    remove=tuple(body.get("remove", ())),
    stock=tuple(body.get("stock", {}).items()),
  )
  if not any(found):
    raise Invalid("the body changes nothing; give add, remove or stock.")
  seen: set[str] = set()
  for item_id in (*(item.item_id for item in found.add), *found.remove):
    if item_id in seen:
      raise Invalid(f"item {shown(item_id)} stands in this change twice.")
    seen.add(item_id)
  return found


def _new_item(body: dict[str, Any]) -> NewItem:
  vector = body.get("vector")
  return NewItem(
    item_id=body["id"],
    text=body["text"],
    category=body.get("category"),
    price=body.get("price", 0.0),
    in_stock=body.get("in_stock", True),
    vector=None if vector is None else tuple(vector),
  )
