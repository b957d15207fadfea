"""The operations that read and change items, one or several."""

import functools
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gr_jax.serving.catalogue.service import Service
from gr_jax.serving.http.answers import ChangedBody, ItemPage, ItemRecord
from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.http_body import CHANGE
from gr_jax.serving.http.item_schemas import (
  ItemFacts,
  ItemsBody,
  PageParameters,
  item_change,
)
from gr_jax.serving.http.lane import Lane
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.http.openapi import Operation
from gr_jax.serving.http.validation import validated
from gr_jax.serving.requests import Invalid, shown

_FACTS = {
  "text": "whole milk 1 l",
  "price": 1.2,
  "attributes": {"brand": "Ærø"},
}
_NOT_FOUND = "the catalogue has no such item."


class ItemRoutes:
  """Handlers of items.

  Args:
    service: what has them.
    config: the limits.
    metrics: the counters.

  Attributes:
    operations: their routes; put them behind longer ones, as an item's id may
      hold slashes.
  """

  def __init__(
    self, service: Service, config: HttpConfig, metrics: ServingMetrics
  ):
    self._service, self._metrics = service, metrics
    # Changes that come together are written together: they wait in threads.
    self._changes = Lane("change", threads=16)
    self._lists = Lane("list", rest=4.0, timeout=config.timeout)
    change: dict[str, Any] = {
      "errors": ("409", "507"),
      "answer": ChangedBody,
      "door": self._changes.check_room,
      "access": "change",
      "tag": "items",
    }
    delete: dict[str, Any] = change | {"errors": ("404", "409", "507")}
    self.operations = [
      Operation(
        "/items",
        self._list,
        "Items in the order of the catalogue, page by page.",
        name="list_items",
        tag="items",
        errors=("504",),
        parameters=PageParameters,
        answer=ItemPage,
        door=self._lists.check_room,
        example={"limit": 10},
      ),
      Operation(
        "/items",
        self._change,
        "Adds, removes or changes items; on disk when answered.",
        name="change_items",
        method="POST",
        body=ItemsBody,
        limit=CHANGE,
        example={"add": [{"id": "A3"} | _FACTS], "prices": {"A1": 2.5}},
        **change,
      ),
      Operation(
        "/items/{item_id:path}",
        self._item,
        "One item.",
        name="get_item",
        tag="items",
        errors=("404",),
        answer=ItemRecord,
      ),
      Operation(
        "/items/{item_id:path}",
        self._put,
        "Adds an item, or describes it anew; on disk when answered.",
        name="put_item",
        method="PUT",
        body=ItemFacts,
        example=_FACTS,
        **change,
      ),
      Operation(
        "/items/{item_id:path}",
        self._delete,
        "Removes an item; on disk when answered.",
        name="delete_item",
        method="DELETE",
        **delete,
      ),
    ]

  async def _change(self, request: Request, body: ItemsBody) -> Response:
    return await self._changes.run(self._changed, body)

  async def _put(self, request: Request, body: ItemFacts) -> Response:
    facts = body.model_dump(exclude_unset=True)
    item = {"id": request.path_params["item_id"]} | facts
    whole = validated(ItemsBody, {"add": [item]})
    return await self._changes.run(self._changed, whole)

  async def _delete(self, request: Request) -> Response:
    return await self._changes.run(
      self._removed, request.path_params["item_id"]
    )

  def _removed(self, item_id: str) -> Response:
    if self._service.item(item_id) is None:
      raise HTTPException(404, _NOT_FOUND)
    return self._changed(ItemsBody(remove=(item_id,)))

  def _changed(self, body: ItemsBody) -> Response:
    change = item_change(body)
    done = self._service.change(change)
    for kind, changed in change._asdict().items():
      self._metrics.changes.labels(kind).inc(len(changed))
    return JSONResponse(done)

  async def _item(self, request: Request) -> Response:
    found = self._service.item(request.path_params["item_id"])
    if found is None:
      raise HTTPException(404, _NOT_FOUND)
    return JSONResponse(found)

  async def _list(self, request: Request, page: PageParameters) -> Response:
    return await self._lists.run(functools.partial(self._listed, page))

  def _listed(self, page: PageParameters) -> Response:
    snapshot = self._service.serving.snapshot
    items, begin = snapshot.items, 0
    if page.after is not None:
      # An item that is gone keeps its row.
      begin = 1 + items.row(page.after)
      if not begin:
        raise Invalid(f"after names {shown(page.after)}, which is no item.")
    rows = begin + np.flatnonzero(items.present[begin:])
    some = rows[: page.limit].tolist()
    return JSONResponse(
      {
        "items": [items.record(row) for row in some],
        "next": items.item_ids[some[-1]] if len(rows) > len(some) else None,
        "version": snapshot.version,
      }
    )
