"""Bodies of requests as they stand on the wire.

One definition each checks it and describes it in `/openapi.json`. A range that
depends on the server is filled in when the server starts.
"""

import dataclasses
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import (
  AfterValidator,
  BaseModel,
  BeforeValidator,
  Field,
  create_model,
)
from pydantic_core import PydanticCustomError

from gr_jax.decoding.beams import BeamSize, answer_size
from gr_jax.serving.beam_names import beam_name
from gr_jax.serving.catalogue.items import ItemChange, NewItem
from gr_jax.serving.requests import (
  CLOSED,
  AttributeName,
  AttributeValue,
  Filters,
  History,
  Invalid,
  ItemId,
  Name,
  Price,
  Profile,
  SearchRequest,
  listed,
  shown,
)
from gr_jax.text.words import split_words

Query = Annotated[
  str, Field(min_length=1, max_length=500, description="In words.")
]
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


def _whole(value: Any) -> Any:
  """1.0 is a whole number in JSON."""
  whole = isinstance(value, float) and value.is_integer()
  return int(value) if whole else value


def search_bodies(beams: tuple[BeamSize, ...]) -> dict[str, type[BaseModel]]:
  """The bodies of `/search`, `/recommend` and `/explain`, by path.

  Args:
    beams: the IDs that a search of this server can keep, the default first.
  """
  sizes = {beam_name(beam): answer_size(beam) for beam in beams}
  default, *_ = sizes
  whole = BeforeValidator(_whole)
  shared: dict[str, Any] = {
    "history": (History, ()),
    "profile": (Profile, Profile()),
    "filters": (Filters, Filters()),
    "k": (
      Annotated[
        int,
        Field(ge=1, le=max(sizes.values()), description="Items wanted [10]."),
        whole,
      ],
      Field(
        default_factory=lambda body: min(10, sizes[body.get("beam", default)])
      ),
    ),
  }
  kept = Field(
    default,
    description="IDs that the search keeps; 128:256:512 after each level.",
  )
  named = Literal[tuple(sizes)]  # pyright: ignore[reportInvalidTypeForm]
  beam: dict[str, Any] = {"beam": (Annotated[named, whole], kept)}
  search: dict[str, Any] = beam | {"query": (Query, ...)} | shared
  # pyright reads the alias as a value.
  optional = Query | None  # pyright: ignore[reportOperatorIssue]
  explain: dict[str, Any] = search | {"query": (optional, None)}
  bodies = {"Search": search, "Recommend": shared, "Explain": explain}
  return {
    f"/{name.lower()}": create_model(f"{name}Body", __config__=CLOSED, **fields)
    for name, fields in bodies.items()
  }


def search_request(
  body: BaseModel,
  beams: tuple[BeamSize, ...],
  *,
  unnamed: Sequence[BeamSize] = (),
) -> SearchRequest:
  """The request of a body of `search_bodies`.

  Args:
    body: checked field by field.
    beams: those of the server.
    unnamed: the beams of which a body that names none gets the first that
      holds its `k`; by default the first of `beams`.

  Raises:
    Invalid: values that are fine each, but not together.
  """
  by_name = {beam_name(beam): beam for beam in beams}
  values = dict(body)
  name = values.pop("beam", None)
  beam = beams[0] if name is None else by_name[name]
  request = SearchRequest(beam, **values)
  if request.query is not None and not split_words(request.query):
    raise Invalid(f"query {shown(request.query)} holds no word.")
  low, high = request.filters.price.min, request.filters.price.max
  if low is not None and high is not None and low > high:
    raise Invalid(f"filters.price has min {low:g} above max {high:g}.")
  if "beam" not in body.model_fields_set:
    beam = next((b for b in unnamed if answer_size(b) >= request.k), beam)
    request = dataclasses.replace(request, beam=beam)
  most = answer_size(beam)
  if request.k > most:
    raise Invalid(f"k must be at most the beam, {most}; got {request.k}.")
  return request


class ItemBody(BaseModel):
  """An item; a known id keeps its semantic ID and gets new facts."""

  model_config = CLOSED
  id: NewItemId
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
