"""Answers of the page's operations as they stand on the wire."""

from typing import Annotated

from pydantic import BaseModel, Field

from gr_jax.serving.http.answers import Codes, FoundBody, ItemRecord, Version


class Topic(BaseModel):
  """The category of most items below a prefix."""

  category: str
  share: float


class ExplainedPrefix(BaseModel):
  """A prefix of answered IDs; its probability is that of the last code."""

  prefix: Codes
  log_prob: float
  total: Annotated[float, Field(description="Sum along the prefix.")]
  ids: int
  answers: int
  topic: Topic | None


class ExplainedBody(FoundBody):
  """An answer, and the probabilities of its codes."""

  prefixes: list[ExplainedPrefix]


class FoundLists(BaseModel):
  """Items and categories whose words fit."""

  items: list[ItemRecord]
  categories: list[str]


class Shared(BaseModel):
  """Items that share just so many codes."""

  shared: int
  items: int
  answers: list[ItemRecord]


class NeighboursBody(BaseModel):
  """An item, and those whose IDs begin as its own."""

  item: ItemRecord
  neighbours: list[Shared]


class TreeChild(BaseModel):
  """A prefix of codes and what lies below."""

  prefix: Codes
  ids: int
  items: int
  purchases: int
  share: Annotated[float, Field(description="Of all purchases.")]
  topic: Topic | None
  examples: list[str]


class TreeNode(TreeChild):
  """A prefix with some of its children, or the items of a whole ID."""

  width: int
  children: list[TreeChild]
  answers: list[ItemRecord]


class ShopperPurchase(BaseModel):
  """A purchase of a made-up shopper."""

  id: str
  text: str
  days_ago: float


class Shopper(BaseModel):
  """A made-up shopper."""

  name: str
  history: list[ShopperPurchase]


class AboutBody(BaseModel):
  """The catalogue that is served."""

  version: Version
  items: int
  ids: int
  level_sizes: list[int]
  beams: list[int | str]
  category_depth: int
  reads_queries: bool
  needs_vectors: Annotated[
    bool, Field(description="true: new items bring their own vectors.")
  ]
  may_change: Annotated[
    bool, Field(description="Whether the token given may change items.")
  ]
  queries: Annotated[
    list[str], Field(description="Examples, from texts of the catalogue.")
  ]
  facts: Annotated[
    dict[str, list[str]], Field(description="Values of a profile by field.")
  ]
  shoppers: list[Shopper]
