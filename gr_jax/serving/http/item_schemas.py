"""Bodies and parameters of the routes of items."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from gr_jax.serving.catalogue.items import ItemChange, NewItem
from gr_jax.serving.requests import (
  CLOSED,
  AttributeName,
  AttributeValue,
  Invalid,
  ItemId,
  Name,
  Price,
  listed,
  shown,
)

# What stands for an item in the path of an address, whoever writes it: browsers
# take . and .. for folders, and the end would be that of another route.
_NEW_ID = r"(?!\.{1,2}$)(?!.*/neighbours$)[^\x00-\x1f\x7f]+"


def _reachable(item_id: str) -> str:
  if not re.fullmatch(_NEW_ID, item_id):
    raise PydanticCustomError(
      "id",
      "must be no . or .., without control characters and /neighbours at its "
      "end: no address would name the item",
    )
  return item_id


NewItemId = Annotated[
  ItemId,
  AfterValidator(_reachable),
  Field(json_schema_extra={"pattern": f"^{_NEW_ID}$"}),
]
NewCategory = Annotated[
  str,
  Field(
    min_length=1,
    max_length=500,
    description="The full path of a category, known or new.",
  ),
]
Vector = Annotated[
  tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...],
  listed(
    16_384, min_length=1, description="In place of the text's own vector."
  ),
]


class ItemFacts(BaseModel):
  """An item but for its id; a known one keeps its semantic ID."""

  model_config = CLOSED
  text: Annotated[
    str,
    Field(
      min_length=1, max_length=2000, description="What the text encoder reads."
    ),
  ]
  category: Annotated[
    NewCategory | None,
    Field(description="Without one a new item takes its neighbours'."),
  ] = None
  price: Annotated[
    Price | None, Field(description="null where unknown, 0 where free.")
  ] = None
  in_stock: bool = True
  vector: Vector | None = None
  fields: Annotated[
    dict[Name, Name] | None,
    Field(
      max_length=100,
      description="What the content does not show, such as an ad's account, by "
      "the catalogue's names.",
    ),
  ] = None
  attributes: Annotated[
    dict[AttributeName, AttributeValue] | None,
    Field(
      max_length=50,
      description="What answers show and filters know, such as brand or url, "
      "under names of one's own; null: as they are.",
    ),
  ] = None
  paused: Annotated[
    bool | None,
    Field(description="true: in no answer for now; null: as it is."),
  ] = None


class ItemBody(ItemFacts):
  """An item; a known id keeps its semantic ID and gets new facts."""

  id: NewItemId


class ItemsBody(BaseModel):
  """Items to add or to describe anew, ids to remove, and facts by id."""

  model_config = CLOSED
  add: Annotated[tuple[ItemBody, ...], listed(1000)] = ()
  remove: Annotated[tuple[ItemId, ...], listed(1000)] = ()
  stock: Annotated[
    dict[Name, bool],
    Field(max_length=1000, description="Whether items are in stock, by id."),
  ] = {}
  paused: Annotated[
    dict[Name, bool],
    Field(
      max_length=1000,
      description="Whether items are paused, by id: known, and in no answer.",
    ),
  ] = {}
  prices: Annotated[
    dict[Name, Price | None],
    Field(
      max_length=1000,
      description="Prices by id: null where unknown, 0 where free.",
    ),
  ] = {}


def item_change(body: ItemsBody) -> ItemChange:
  """The change of a body.

  Raises:
    Invalid: nothing would change, or an item is named twice.
  """
  facts = [dict(item) for item in body.add]
  add = [NewItem(each.pop("id"), **each) for each in facts]
  change = ItemChange(
    tuple(add), body.remove, body.stock, body.paused, body.prices
  )
  if not any(change):
    raise Invalid(
      "the body changes nothing; give add, remove, stock, paused or prices."
    )
  named = [*(item.item_id for item in add), *body.remove]
  if len(set(named)) < len(named):
    twice = next(name for name in named if named.count(name) > 1)
    raise Invalid(f"item {shown(twice)} stands in this change twice.")
  return change


class PageParameters(BaseModel):
  """Where a page of the list of items begins, and its length."""

  model_config = ConfigDict(extra="forbid")
  after: Annotated[
    ItemId | None, Field(description="The `next` of the page before.")
  ] = None
  limit: Annotated[int, Field(ge=1, le=500)] = 100
