"""Bodies of requests as they stand on the wire.

One definition each checks it and describes it in `/openapi.json`. A range that
depends on the server is filled in when the server starts.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
  BaseModel,
  BeforeValidator,
  ConfigDict,
  Field,
  WithJsonSchema,
  create_model,
)

from gr_jax.decoding.beams import BeamSize, answer_size
from gr_jax.serving.beam_names import beam_name
from gr_jax.serving.requests import (
  CLOSED,
  Filters,
  History,
  Invalid,
  Name,
  Price,
  Profile,
  SearchRequest,
  listed,
  shown,
)
from gr_jax.text.words import split_words

MOST_OFFSET = 1_000_000
Query = Annotated[
  str, Field(min_length=1, max_length=500, description="In words.")
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
  shared["offset"] = (
    Annotated[
      int | None,
      Field(
        ge=0,
        le=MOST_OFFSET,
        description="Items to leave out, 0 for the first page. With it the "
        "beam is the default one, whatever the load, so that pages fit.",
      ),
      whole,
    ],
    None,
  )
  kept = Field(
    default,
    description="IDs that the search keeps; 128:256:512 after each level.",
  )
  named = Literal[tuple(sizes)]  # pyright: ignore[reportInvalidTypeForm]
  beam: dict[str, Any] = {
    "beam": (Annotated[named, whole, *_of_one_type(list(sizes))], kept)
  }
  search: dict[str, Any] = beam | {"query": (Query, ...)} | shared
  # pyright reads the alias as a value.
  optional = Query | None  # pyright: ignore[reportOperatorIssue]
  explain: dict[str, Any] = search | {"query": (optional, None)}
  bodies = {"Search": search, "Recommend": shared, "Explain": explain}
  return {
    f"/{name.lower()}": create_model(f"{name}Body", __config__=CLOSED, **fields)
    for name, fields in bodies.items()
  }


def batch_bodies(
  bodies: Mapping[str, type[BaseModel]], *, most: int
) -> dict[str, type[BaseModel]]:
  """Bodies of several searches, or recommendations, by path.

  Args:
    bodies: as from `search_bodies`.
    most: the most requests of one body.
  """
  return {
    f"{path}/batch": create_model(
      bodies[path].__name__.replace("Body", "BatchBody"),
      __config__=CLOSED,
      requests=(
        # pyright reads the model as a value.
        Annotated[
          tuple[bodies[path], ...],  # pyright: ignore[reportInvalidTypeForm]
          listed(most, min_length=1),
        ],
        ...,
      ),
    )
    for path in ("/search", "/recommend")
  }


class SearchParameters(BaseModel):
  """A search as a query string."""

  model_config = ConfigDict(extra="forbid")
  q: Query
  k: Annotated[int | None, Field(ge=1, description="Items wanted [10].")] = None
  offset: Annotated[int | None, Field(ge=0, le=MOST_OFFSET)] = None
  beam: Annotated[str | None, Field(max_length=200)] = None
  category: Annotated[
    str | None, Field(min_length=1, max_length=500, description="A full path.")
  ] = None
  min_price: Price | None = None
  max_price: Price | None = None
  in_stock: bool = False
  user_id: Name | None = None

  def body(self) -> dict[str, Any]:
    """The same search as a body of POST /search."""
    beam = self.beam
    found = {
      "query": self.q,
      "k": self.k,
      "offset": self.offset,
      "beam": int(beam) if beam and re.fullmatch("[0-9]{1,9}", beam) else beam,
    }
    price = {"min": self.min_price, "max": self.max_price}
    filters: dict[str, Any] = {"price": price, "in_stock": self.in_stock}
    if self.category is not None:
      filters["categories"] = [self.category]
    profile = {"user_id": self.user_id}
    found = {k: v for k, v in found.items() if v is not None}
    return found | {"filters": filters, "profile": profile}


def _of_one_type(names: Sequence[int | str]) -> list[WithJsonSchema]:
  """Describes names of two types as a choice: clients know no such list."""
  kinds = {
    name: [each for each in names if isinstance(each, kind)]
    for name, kind in (("integer", int), ("string", str))
  }
  if not all(kinds.values()):
    return []
  parts = [{"type": name, "enum": of_one} for name, of_one in kinds.items()]
  return [WithJsonSchema({"anyOf": parts})]


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
