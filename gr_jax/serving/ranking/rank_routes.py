"""The operation that ranks items for a user."""

import itertools
import time
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gr_jax.ranking.ranker import Ranker, State
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.lane import Lane
from gr_jax.serving.http.openapi import Operation
from gr_jax.serving.ranking.user_states import UserStates, sent_events
from gr_jax.serving.requests import CLOSED, Invalid, ItemId, Name, listed
from gr_jax.serving.users.history_state import Event

_MOST_ITEMS = 2000
_MOST_EVENTS = 20_000


class PastEvent(BaseModel):
  """What the user did with an item."""

  model_config = CLOSED
  item_id: ItemId
  type: Literal["click", "order"] = "order"
  time: Annotated[
    float | None, Field(ge=0, description="Unix seconds; null is now.")
  ] = None


class RankBody(BaseModel):
  """Items to be ranked for a user."""

  model_config = CLOSED
  user_id: Annotated[
    Name | None,
    Field(description="Whose log and events are read, where no history is."),
  ] = None
  history: Annotated[
    tuple[PastEvent, ...] | None,
    listed(_MOST_EVENTS, description="Oldest first, in place of the user's."),
  ] = None
  items: Annotated[tuple[ItemId, ...], listed(_MOST_ITEMS, min_length=1)]
  time: Annotated[
    float | None,
    Field(ge=0, description="When they are shown; null is now."),
  ] = None


class RankedItem(BaseModel):
  """An item and what is expected of it."""

  id: str
  scores: Annotated[
    dict[str, float], Field(description="A probability for each task.")
  ]


class RankedBody(BaseModel):
  """Items, the best by the first task first."""

  items: list[RankedItem]
  unknown: Annotated[
    list[str], Field(description="Ids that the catalogue does not have.")
  ]
  milliseconds: float


class RankRoutes:
  """The handler of `/rank`.

  Args:
    ranker: scores.
    states: the states of users.
    config: the limits.

  Attributes:
    operations: its route.
  """

  def __init__(self, ranker: Ranker, states: UserStates, config: HttpConfig):
    self._ranker, self._states = ranker, states
    self._lane = Lane("rank", waiting=config.queue, timeout=config.timeout)
    self.operations = [
      Operation(
        "/rank",
        self._rank,
        "Ranks items for a user, each by itself.",
        name="rank",
        tag="search",
        method="POST",
        errors=("504",),
        body=RankBody,
        answer=RankedBody,
        door=self._lane.check_room,
        example={"user_id": "ann", "items": ["A1", "B2"]},
      )
    ]

  async def _rank(self, request: Request, body: RankBody) -> Response:
    return await self._lane.run(self._ranked, body)

  def _ranked(self, body: RankBody) -> Response:
    begun = time.perf_counter()
    now = round(time.time() if body.time is None else body.time)
    state = self._state(body, now)
    known = [item for item in body.items if self._ranker.knows(item)]
    scores = self._scores(state, known, now, given=body.time is not None)
    tasks = self._ranker.tasks
    order = sorted(range(len(known)), key=lambda i: -scores[i][0])
    return JSONResponse(
      {
        "items": [
          {"id": known[i], "scores": dict(zip(tasks, map(float, scores[i])))}
          for i in order
        ],
        "unknown": [x for x in body.items if not self._ranker.knows(x)],
        "milliseconds": round(1e3 * (time.perf_counter() - begun), 3),
      }
    )

  def _state(self, body: RankBody, now: int) -> State:
    if body.history is None:
      return self._states.of(body.user_id or "")
    events = [
      Event("", e.item_id, e.type, now if e.time is None else e.time)
      for e in body.history
    ]
    for place, (before, after) in enumerate(itertools.pairwise(events)):
      if after.time < before.time:
        raise Invalid(
          f"history[{place + 1}].time {after.time:.0f} is before that of the "
          "event ahead of it; give the oldest first."
        )
    given = self._ranker.events(sent_events(events))
    user = self._ranker.user_row(body.user_id)
    return self._ranker.encode(given._replace(user=user))

  def _scores(self, state: State, items: list[str], now: int, *, given: bool):
    if state.newest is not None and now < state.newest:
      if given:
        raise Invalid(
          f"time {now} is before the newest event of the user, {state.newest}."
        )
      now = state.newest
    return self._ranker.score(state, items, now=now)
