"""Changes of a catalogue, as a shop makes them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class NewItem(NamedTuple):
  """The facts of an item that comes or changes.

  Attributes:
    item_id: stable; a known one gets these facts and keeps its semantic ID.
    text: the words that the text encoder reads.
    category: the full path, known or new, or None.
    category_share: the share of the votes where neighbours gave the category.
    fields: what the content does not show, by the catalogue's names for it.
    price: None where unknown, 0 where free.
    in_stock: whether it can be bought.
    vector: `[D]` in place of the text's own vector, or None.
    codes: its semantic ID where it was given before, else None.
    paused: whether it is in no answer for now; None leaves that as it is.
    attributes: all that it has, by name; None leaves them as they are.
  """

  item_id: str
  text: str
  category: str | None = None
  price: float | None = None
  in_stock: bool = True
  vector: tuple[float, ...] | None = None
  codes: tuple[int, ...] | None = None
  category_share: float | None = None
  fields: dict[str, str] | None = None
  paused: bool | None = None
  attributes: dict[str, str] | None = None


class ItemChange(NamedTuple):
  """Items to add or to describe anew, ids to remove, and single facts by id.

  Attributes:
    add: items that come, or get these facts.
    remove: ids of items that go.
    stock: whether items are in stock.
    paused: whether items are paused: known, and in no answer.
    prices: prices, None where unknown.
  """

  add: Sequence[NewItem] = ()
  remove: Sequence[str] = ()
  stock: Mapping[str, bool] = {}
  paused: Mapping[str, bool] = {}
  prices: Mapping[str, float | None] = {}
