"""The server's description, from its routes and the models of their bodies."""

import dataclasses
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.responses import Response

import gr_jax
from gr_jax.serving.http.answers import ErrorBody
from gr_jax.serving.http.http_body import SEARCH, BodyLimit
from gr_jax.serving.http.tokens import Access

ERRORS = {
  "400": "The body is not JSON.",
  "401": "The bearer token is missing or wrong.",
  "403": "A page of another site asks, or the token may only read.",
  "408": "The body did not come in time.",
  "409": "There is no room for this change.",
  "413": "The body is too large, or has too many values.",
  "415": "The content type is not that of JSON.",
  "421": "The name in Host is none of the server's.",
  "422": "A field is unknown or does not fit; the message names it.",
  "429": "Too many ask for this at once; see Retry-After.",
  "503": "Starting, reloading or stopping; see Retry-After.",
  "504": "No answer in time.",
  "507": "The log could not be written; nothing has changed.",
}
_WITH_A_BODY = ("400", "408", "413", "415", "422")
_REFUSED = {"open": (), "read": ("401",), "change": ("401", "403")}
_REF = "#/components/schemas/{model}"


@dataclasses.dataclass(frozen=True)
class Operation:
  """A route, its handler and its description.

  Attributes:
    path: as Starlette writes it.
    handler: takes the request and its checked body, or parameters, if any.
    summary: one sentence; an operation without one is not described.
    name: what clients call it; distinct.
    tag: the group that it is listed in.
    method: the HTTP method.
    errors: statuses beside those that a token, a body or parameters bring.
    body: the model of the JSON body.
    limit: the most that the body may hold.
    parameters: the model of the query string.
    door: raises QueueFull while there is no room for it.
    answer: the model of the answer, or the media type of text.
    example: an example of the body, or of the parameters.
    access: the token that it needs.
  """

  path: str
  handler: Callable[..., Awaitable[Response]]
  summary: str = ""
  name: str = ""
  tag: str = "server"
  method: str = "GET"
  errors: tuple[str, ...] = ()
  body: type[BaseModel] | None = None
  limit: BodyLimit = SEARCH
  parameters: type[BaseModel] | None = None
  door: Callable[[], None] | None = None
  answer: type[BaseModel] | str = "text/plain"
  example: Mapping[str, Any] | None = None

  @property
  def waits(self) -> bool:
    """Whether it is refused until the server is ready."""
    changes = self.access == "change" or self.body is not None
    return changes or self.tag == "search"

  access: Access = "read"


def openapi(operations: Sequence[Operation]) -> dict[str, Any]:
  """The OpenAPI 3.1 document of a server with these operations."""
  described = [each for each in operations if each.summary]
  bodies = {each.body for each in described if each.body}
  answers = {e.answer for e in described if not isinstance(e.answer, str)}
  models = sorted(
    {*bodies, *answers, ErrorBody}, key=lambda model: model.__name__
  )
  _, schemas = models_json_schema(
    [(model, "validation") for model in models], ref_template=_REF
  )
  tags = dict.fromkeys(each.tag for each in described)
  paths: dict[str, dict[str, Any]] = {}
  for each in described:
    path = each.path.replace(":path", "")
    paths.setdefault(path, {})[each.method.lower()] = _operation(each)
  return {
    "openapi": "3.1.0",
    "info": {"title": "gr_jax", "version": gr_jax.__version__},
    "tags": [{"name": name} for name in tags],
    "components": {
      "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
      "schemas": schemas["$defs"],
    },
    "paths": paths,
  }


def _operation(operation: Operation) -> dict[str, Any]:
  errors = {*operation.errors, *_REFUSED[operation.access], "421"}
  errors |= {"403"} if operation.method != "GET" else set()
  errors |= {*_WITH_A_BODY} if operation.body else set()
  errors |= {"503"} if operation.waits else set()
  errors |= {"422"} if operation.parameters else set()
  errors |= {"429"} if operation.door or operation.body else set()
  responses = {"200": {"description": "Done."} | _json(operation.answer)}
  for status in sorted(errors):
    text = ERRORS.get(status, "No such thing, or not allowed.")
    responses[status] = {"description": text} | _json(ErrorBody)
  found: dict[str, Any] = {
    "operationId": operation.name,
    "tags": [operation.tag],
    "summary": operation.summary,
    "responses": responses,
  }
  if operation.access != "open":
    found["security"] = [{}, {"bearer": []}]
  if operation.body:
    content = _json(operation.body)
    if operation.example:
      content["content"]["application/json"]["example"] = operation.example
    found["requestBody"] = content | {"required": True}
  if parameters := _parameters(operation):
    found["parameters"] = parameters
  return found


def _json(model: type[BaseModel] | str) -> dict[str, Any]:
  if isinstance(model, str):
    return {"content": {model: {"schema": {"type": "string"}}}}
  schema = {"$ref": _REF.format(model=model.__name__)}
  return {"content": {"application/json": {"schema": schema}}}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
  examples = (operation.example or {}) if operation.parameters else {}
  text = {"type": "string", "minLength": 1}
  found = [
    ("path", {each: text for each in re.findall(r"{(\w+)", operation.path)})
  ]
  if operation.parameters:
    schema = operation.parameters.model_json_schema()
    found.append(("query", schema["properties"]))
  return [
    {
      "name": name,
      "in": place,
      "required": "default" not in schema,
      "schema": schema,
    }
    | ({"example": examples[name]} if name in examples else {})
    for place, schemas in found
    for name, schema in schemas.items()
  ]
