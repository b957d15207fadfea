"""Requests to a server as values, below HTTP.

Each model checks its fields and describes itself as a JSON schema; the engine
and the catalogue read its attributes.
"""

import dataclasses
from typing import Annotated, Any

from pydantic import (
  AfterValidator,
  BaseModel,
  BeforeValidator,
  ConfigDict,
  Field,
)

from gr_jax.decoding.beams import BeamSize

CLOSED = ConfigDict(
  extra="forbid", frozen=True, strict=True, allow_inf_nan=False
)
"""No field but those that are named, and no value of another type."""

ItemId = Annotated[
  str,
  Field(min_length=1, max_length=200, description="An id of the catalogue."),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Price = Annotated[float, Field(ge=0, le=1e9)]
Category = Annotated[
  str,
  Field(
    min_length=1,
    max_length=500,
    description="The full path of a category that the catalogue knows.",
  ),
]


AttributeName = Annotated[str, Field(min_length=1, max_length=60)]
AttributeValue = Annotated[str, Field(min_length=1, max_length=2000)]


class Invalid(ValueError):
  """A request that cannot be answered, in one sentence for its sender."""


def shown(text: str, *, most: int = 60) -> str:
  """A string of the sender as a message may quote it: short and printable."""
  return ascii(text if len(text) <= most else text[: most - 3] + "...")


def listed(most: int, **options: Any) -> Any:
  """The field of a list, of which the first mistake is enough to know."""
  return Field(max_length=most, strict=False, fail_fast=True, **options)


class Purchase(BaseModel):
  """An item that was bought."""

  model_config = CLOSED
  id: ItemId
  days_ago: Annotated[float, Field(ge=0, le=36_500)]

  @property
  def seconds_ago(self) -> int:
    return round(self.days_ago * 86_400)


def _purchase(event: Any) -> Any:
  """A bare id was bought just now."""
  return {"id": event, "days_ago": 0} if isinstance(event, str) else event


def _oldest_first(events: tuple[Purchase, ...]) -> tuple[Purchase, ...]:
  """A stable sort: what was bought at one time stays in the order given."""
  return tuple(sorted(events, key=lambda event: -event.seconds_ago))


History = Annotated[
  tuple[
    Annotated[
      Purchase,
      BeforeValidator(_purchase, json_schema_input_type=ItemId | Purchase),
    ],
    ...,
  ],
  listed(
    1024, description="Purchases, oldest first; a bare id was bought just now."
  ),
  AfterValidator(_oldest_first),
]


class Profile(BaseModel):
  """A user, as far as known."""

  model_config = CLOSED
  user_id: Annotated[
    Name | None,
    Field(
      description="Of one who gives no history, /search and /recommend take "
      "the events that were sent to /events."
    ),
  ] = None
  facts: Annotated[
    dict[Name, Name],
    Field(max_length=50, description="One value a field, as in training."),
  ] = {}


class PriceBand(BaseModel):
  """Prices from `min` to `max`; an item of unknown price is in no band."""

  model_config = CLOSED
  min: Price | None = None
  max: Price | None = None


class Filters(BaseModel):
  """Exact filters: a filtered item never takes the place of another."""

  model_config = CLOSED
  exclude: Annotated[
    tuple[ItemId, ...],
    listed(5000, description="Item ids that the answer must not hold."),
  ] = ()
  categories: Annotated[
    tuple[Category, ...],
    listed(
      200,
      min_length=1,
      description="Full category paths at any depth; any of them will do.",
    ),
  ] = ()
  price: PriceBand = PriceBand()
  in_stock: Annotated[bool, Field(description="true: only items in stock.")] = (
    False
  )
  attributes: Annotated[
    dict[
      AttributeName,
      Annotated[tuple[AttributeValue, ...], listed(200, min_length=1)],
    ],
    Field(
      max_length=20,
      description="Values by name, such as brand; any value of a name will do.",
    ),
  ] = {}


@dataclasses.dataclass(frozen=True)
class SearchRequest:
  """One search or recommendation.

  Attributes:
    beam: the IDs that the search keeps, at every level or at each; None = as
      many as the load allows when the search begins.
    k: the number of items wanted.
    query: the words; None is for the next basket.
    history: purchases, oldest first.
    profile: the user, as far as known.
    filters: the items that an answer may hold.
    offset: items of the ranking that come before those wanted; None is 0 for
      one who wants no other page.
  """

  beam: BeamSize | None
  k: int
  query: str | None = None
  history: tuple[Purchase, ...] = ()
  profile: Profile = dataclasses.field(default_factory=Profile)
  filters: Filters = dataclasses.field(default_factory=Filters)
  offset: int | None = None
