"""What can be asked and changed over HTTP, as checked values."""

import dataclasses
from typing import Any

from gr_jax.generators.prompts.vocabulary import split_words
from gr_jax.serving.http.fields import (
  Either,
  Flag,
  Invalid,
  ListOf,
  MapOf,
  Number,
  Record,
  Text,
  shown,
)

DAY = 86_400
ITEM_ID = Text(200, description="An item's id in the catalogue.")


@dataclasses.dataclass(frozen=True)
class Filters:
  """Which items an answer may hold; empty fields filter nothing.

  Attributes:
    exclude: item ids that it must not hold, e.g. seen ones.
    categories: full paths at any depth; an item of any of them passes.
    low, high: price band; an item of unknown price passes no band.
    in_stock: whether only items in stock pass.
  """

  exclude: tuple[str, ...] = ()
  categories: tuple[str, ...] = ()
  low: float | None = None
  high: float | None = None
  in_stock: bool = False


@dataclasses.dataclass(frozen=True)
class SearchRequest:
  """One search or recommendation.

  Attributes:
    query: None asks for the next basket.
    history: `(item id, seconds ago)`, oldest first.
    user_id: None for a stranger.
    facts: "field=value".
    filters: of the answer.
    k: items wanted.
    beam: IDs that the search keeps.
  """

  query: str | None
  history: tuple[tuple[str, int], ...]
  user_id: str | None
  facts: tuple[str, ...]
  filters: Filters
  k: int
  beam: int


def _filters() -> Record:
  price = {"min": Number(0, 1e9), "max": Number(0, 1e9)}
  return Record(
    {
      "exclude": ListOf(
        ITEM_ID, 5000, description="Item ids that the answer must not hold."
      ),
      "categories": ListOf(
        Text(500),
        200,
        shortest=1,
        description="Full category paths at any depth; any of them will do.",
      ),
      "price": Record(
        price, description="An item of unknown price is in no band."
      ),
      "in_stock": Flag("true: only items in stock."),
    },
    description="Exact: a filtered item never takes the place of another.",
  )


def _shared(beams: tuple[int, ...]) -> dict[str, Any]:
  event = Record(
    {"id": ITEM_ID, "days_ago": Number(0, 36_500)}, required=("id", "days_ago")
  )
  profile = {
    "user_id": Text(200),
    "facts": MapOf(Text(200), 50, "One value a field, as in training."),
  }
  return {
    "history": ListOf(
      Either(ITEM_ID, event),
      1024,
      description="Purchases, oldest first; a bare id was bought just now.",
    ),
    "profile": Record(profile),
    "filters": _filters(),
    "k": Number(1, max(beams), whole=True, description="Items wanted [10]."),
  }


def search_record(beams: tuple[int, ...]) -> Record:
  """The body of `POST /search`; `beams` are those that were compiled."""
  query = {"query": Text(500, description="In words.")}
  beam = Number(
    min(beams),
    max(beams),
    whole=True,
    description=f"IDs that the search keeps, one of {list(beams)}.",
  )
  return Record({**query, **_shared(beams), "beam": beam}, ("query",))


def recommend_record(beams: tuple[int, ...]) -> Record:
  """The body of `POST /recommend`: what belongs in the next basket."""
  return Record(_shared(beams))


def question(
  body: dict[str, Any], *, beams: tuple[int, ...], query: str | None
) -> SearchRequest:
  """The question of a checked body.

  Raises:
    Invalid: values that are fine each, but not together.
  """
  if query is not None and not split_words(query):
    raise Invalid(f"query {shown(query)} holds no word.")
  beam = body.get("beam", beams[0])
  if beam not in beams:
    choices = " or ".join(map(str, beams))
    raise Invalid(f"beam must be {choices} on this server; got {beam}.")
  k = body.get("k", min(10, beam))
  if k > beam:
    raise Invalid(f"k must be at most the beam, {beam}; got {k}.")
  profile = body.get("profile", {})
  facts = profile.get("facts", {})
  return SearchRequest(
    query=query,
    history=_history(body.get("history", [])),
    user_id=profile.get("user_id"),
    facts=tuple(f"{field}={value}" for field, value in facts.items()),
    filters=filters(body.get("filters", {})),
    k=k,
    beam=beam,
  )


def narrowed(body: dict[str, Any], beams: tuple[int, ...]) -> dict[str, Any]:
  """The body with the narrowest beam that holds its `k`, unless it names one.

  What a server under load asks for it: a width by load, as GR4AD serves.
  """
  k = body.get("k", min(10, beams[0]))
  wide_enough = [beam for beam in beams if beam >= k]
  if "beam" in body or not wide_enough:
    return body
  return body | {"k": k, "beam": min(wide_enough)}


def filters(body: dict[str, Any]) -> Filters:
  """The filters of a checked body."""
  price = body.get("price", {})
  low, high = price.get("min"), price.get("max")
  if low is not None and high is not None and low > high:
    raise Invalid(f"filters.price has min {low:g} above max {high:g}.")
  return Filters(
    exclude=tuple(body.get("exclude", ())),
    categories=tuple(body.get("categories", ())),
    low=low,
    high=high,
    in_stock=body.get("in_stock", False),
  )


def _history(events: list) -> tuple[tuple[str, int], ...]:
  found = [
    (event, 0)
    if isinstance(event, str)
    else (event["id"], round(event["days_ago"] * DAY))
    for event in events
  ]
  # A stable sort: what was bought at one time stays in the order given.
  return tuple(sorted(found, key=lambda event: -event[1]))
