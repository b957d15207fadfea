"""The operations that take, show and forget what users did."""

import time
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gr_jax.serving.http.answers import EventsAnswer, UserBody
from gr_jax.serving.http.lane import Lane
from gr_jax.serving.http.openapi import Operation
from gr_jax.serving.requests import CLOSED, Invalid, ItemId, Name, listed
from gr_jax.serving.users.history_state import Event
from gr_jax.serving.users.user_events import UserEvents

_AHEAD = 60  # Seconds that the clock of a sender may be before ours.


class EventBody(BaseModel):
  """What a user did with an item."""

  model_config = CLOSED
  user_id: Name
  item_id: ItemId
  type: Literal["click", "order"]
  time: Annotated[
    float | None, Field(ge=0, description="Unix seconds; null is now.")
  ] = None


class EventsBody(BaseModel):
  """Events to keep."""

  model_config = CLOSED
  events: Annotated[tuple[EventBody, ...], listed(1000, min_length=1)]


class EventRoutes:
  """Handlers of users.

  Args:
    has: whether the catalogue has an item.
    histories: what keeps their events.

  Attributes:
    operations: their routes.
  """

  def __init__(self, has: Callable[[str], bool], histories: UserEvents):
    self._has, self._histories = has, histories
    self._lane = Lane("events", threads=16)
    self.operations = [
      Operation(
        "/events",
        self._add,
        "Keeps what users did for requests that name them and give no history; "
        "on disk when answered. What a run was trained on is not among it.",
        name="add_events",
        tag="users",
        method="POST",
        errors=("507",),
        body=EventsBody,
        answer=EventsAnswer,
        door=self._lane.check_room,
        access="change",
        example={
          "events": [{"user_id": "ann", "item_id": "A1", "type": "order"}]
        },
      ),
      Operation(
        "/users/{user_id:path}",
        self._user,
        "The events of a user that are kept.",
        name="get_user",
        tag="users",
        errors=("404",),
        answer=UserBody,
        access="change",
      ),
      Operation(
        "/users/{user_id:path}",
        self._delete,
        "Forgets the events of a user.",
        name="delete_user",
        tag="users",
        method="DELETE",
        errors=("404", "507"),
        answer=UserBody,
        door=self._lane.check_room,
        access="change",
      ),
    ]

  async def _add(self, request: Request, body: EventsBody) -> Response:
    return await self._lane.run(self._added, body)

  def _added(self, body: EventsBody) -> Response:
    now = time.time()
    for place, each in enumerate(body.events):
      if each.time is not None and each.time > now + _AHEAD:
        raise Invalid(
          f"events[{place}].time {each.time:.0f} is to come; it is {now:.0f} "
          "now, in unix seconds."
        )
    self._histories.add(
      [
        Event(e.user_id, e.item_id, e.type, now if e.time is None else e.time)
        for e in body.events
      ]
    )
    names = dict.fromkeys(each.item_id for each in body.events)
    unknown = [name for name in names if not self._has(name)]
    return JSONResponse({"events": len(body.events), "unknown": unknown})

  async def _user(self, request: Request) -> Response:
    return JSONResponse(self._kept(request.path_params["user_id"]))

  def _kept(self, user_id: str) -> dict[str, object]:
    events = self._histories.of(user_id)
    if not events:
      raise HTTPException(404, "no event of this user is kept.")
    kept = [
      {"item_id": each.item_id, "type": each.kind, "time": each.time}
      for each in events
    ]
    return {"user_id": user_id, "events": kept}

  async def _delete(self, request: Request) -> Response:
    return await self._lane.run(self._deleted, request.path_params["user_id"])

  def _deleted(self, user_id: str) -> Response:
    gone = self._kept(user_id)
    self._histories.remove(user_id)
    return JSONResponse(gone)
