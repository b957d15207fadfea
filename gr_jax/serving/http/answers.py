"""Answers of the server as they stand on the wire, for its description."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Version = Annotated[int, Field(description="Version of the catalogue.")]
Codes = Annotated[
  list[int], Field(description="Codes, -1 last where an ID ends early.")
]


class ErrorBody(BaseModel):
  """A refusal in one sentence."""

  error: str


class ItemRecord(BaseModel):
  """An item of the catalogue."""

  id: str
  text: str
  category: Annotated[str | None, Field(description="The full path.")]
  price: Annotated[float | None, Field(description="null where unknown.")]
  in_stock: bool
  paused: Annotated[bool, Field(description="true: in no answer for now.")]
  attributes: Annotated[
    dict[str, str],
    Field(description="Free ones by name, such as brand or url."),
  ]
  semantic_id: Codes


class AnsweredItem(ItemRecord):
  """An item of an answer."""

  score: Annotated[
    float, Field(description="Log-probability of the semantic ID.")
  ]
  value: Annotated[
    float | None,
    Field(description="What it is worth, by a model that predicts values."),
  ] = None


class BatchMilliseconds(BaseModel):
  """The time that a batch took."""

  batch: float
  search: float


class Milliseconds(BatchMilliseconds):
  """The time that a request waited, and that its batch took."""

  queue: float


class FoundBody(BaseModel):
  """What every answer to a search has."""

  items: list[AnsweredItem]
  version: Version
  ignored: Annotated[
    list[str],
    Field(description="Ids of the history that the catalogue does not know."),
  ]
  unknown_words: Annotated[
    list[str],
    Field(description="Words of the query that nothing trained is like."),
  ]
  read_as: Annotated[
    dict[str, str],
    Field(
      description="What other words of the query were read as: coffee by cofee."
    ),
  ]
  batch: Annotated[int, Field(description="Requests in one search.")]
  model: Annotated[
    str,
    Field(description="Version of the model: 0000, and later after updates."),
  ]
  next: Annotated[
    int | None,
    Field(
      description="The offset of the next page; null at the end, and for "
      "requests without an offset."
    ),
  ]
  milliseconds: BatchMilliseconds


class AnswerBody(FoundBody):
  """The answer to a search."""

  milliseconds: Milliseconds
  beam: Annotated[
    int | str,
    Field(
      description="IDs that the search kept; 128:256:512 after each level."
    ),
  ]
  cached: Annotated[
    bool, Field(description="Whether an equal request was answered so before.")
  ]


class FailedBody(BaseModel):
  """The refusal of one request among several."""

  error: str
  status: Annotated[int, Field(description="That of the request alone.")]


class AnswersBody(BaseModel):
  """An answer or a refusal for every request, in their order."""

  answers: list[AnswerBody | FailedBody]


class ChangedItem(ItemRecord):
  """An item that was added or described anew."""

  category_share: Annotated[
    float | None,
    Field(description="Share of the votes where neighbours gave the category."),
  ]


class ChangedBody(BaseModel):
  """The catalogue after a change."""

  version: Version
  items: list[ChangedItem]
  unknown: Annotated[list[str], Field(description="Ids that nobody knows.")]


class ItemPage(BaseModel):
  """Some items in the order of the catalogue, later ones behind."""

  items: list[ItemRecord]
  next: Annotated[
    str | None,
    Field(description="The `after` of the next page; null at the end."),
  ]
  version: Version


class ReloadedBody(BaseModel):
  """What is served after a reload."""

  version: Version
  model: str


class StatusBody(BaseModel):
  """The process answers, or takes requests."""

  status: Literal["alive", "ready"]


class DescriptionBody(BaseModel):
  """An OpenAPI document."""

  openapi: str
  info: dict[str, str]
  tags: list[dict[str, str]]
  paths: dict[str, dict]
  components: dict[str, dict]


class EventsAnswer(BaseModel):
  """What was kept."""

  events: int
  unknown: Annotated[
    list[str],
    Field(description="Items that the catalogue does not know, kept as well."),
  ]


class KeptEvent(BaseModel):
  """What a user did with an item."""

  item_id: str
  type: Literal["click", "order"]
  time: Annotated[float, Field(description="Unix seconds.")]


class UserBody(BaseModel):
  """The newest events of a user, oldest first."""

  user_id: str
  events: list[KeptEvent]
