"""The server's own description, from the definitions that check requests."""

from typing import Any

import gr_jax
from gr_jax.serving.http.item_changes import items_record
from gr_jax.serving.http.search_request import recommend_record, search_record
from gr_jax.serving.page.page_openapi import page_paths

ERRORS = {
  "400": "The body is not JSON.",
  "401": "The bearer token is missing or wrong.",
  "408": "The body did not come in time.",
  "409": "There is no room for this change.",
  "413": "The body is too large.",
  "415": "The body is not said to be JSON.",
  "422": "A field is unknown or does not fit; the message names it.",
  "429": "The queue is full; see Retry-After.",
  "503": "Starting, reloading or stopping; see Retry-After.",
  "504": "No answer in time.",
  "507": "The log could not be written; nothing has changed.",
}
_ANSWER = {
  "type": "object",
  "properties": {
    "items": {
      "type": "array",
      "items": {
        "type": "object",
        "properties": {
          "id": {"type": "string"},
          "text": {"type": "string"},
          "score": {
            "type": "number",
            "description": "Log-probability of the semantic ID.",
          },
          "semantic_id": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["id", "text", "score", "semantic_id"],
      },
    },
    "version": {"type": "integer", "description": "Of the catalogue."},
    "ignored": {
      "type": "array",
      "items": {"type": "string"},
      "description": "Ids of the history that the catalogue does not know.",
    },
    "batch": {"type": "integer", "description": "EvalRequests in one search."},
    "beam": {"type": "integer", "description": "IDs that the search kept."},
    "milliseconds": {
      "type": "object",
      "properties": {
        name: {"type": "number"} for name in ("queue", "batch", "search")
      },
    },
  },
  "required": [
    *("items", "version", "ignored", "batch", "beam", "milliseconds")
  ],
}
_ANYTHING = {"type": "object"}


def openapi(beams: tuple[int, ...]) -> dict[str, Any]:
  """The OpenAPI 3.1 document of a server with these beams."""
  asked = ("400", "401", "408", "413", "415", "422", "429", "503", "504")
  changed = ("400", "401", "408", "409", "413", "415", "422", "503", "507")
  return {
    "openapi": "3.1.0",
    "info": {"title": "gr_jax", "version": gr_jax.__version__},
    "components": {
      "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}
    },
    "paths": {
      "/search": {
        "post": _operation(
          "Items for a query.", _ANSWER, asked, search_record(beams)
        )
      },
      "/recommend": {
        "post": _operation(
          "Items for the next basket.", _ANSWER, asked, recommend_record(beams)
        )
      },
      "/items": {
        "post": _operation(
          "Adds, removes or changes items; on disk when answered.",
          _ANYTHING,
          changed,
          items_record(),
        )
      },
      "/items/{item_id}": {
        "get": _operation("One item.", _ANYTHING, ("401", "404", "503"))
        | {"parameters": [_path_parameter("item_id")]}
      },
      "/admin/reload": {
        "post": _operation(
          "Serves the artefacts that lie in the folder now.",
          _ANYTHING,
          ("401", "403", "409", "503"),
        )
      },
      **page_paths(beams, _operation),
      "/healthz": {"get": _operation("The process answers.", _ANYTHING)},
      "/readyz": {
        "get": _operation("Every program is compiled.", _ANYTHING, ("503",))
      },
    },
  }


def _path_parameter(name: str) -> dict[str, Any]:
  schema = {"type": "string", "minLength": 1}
  return {"name": name, "in": "path", "required": True, "schema": schema}


def _operation(summary, answer, errors=(), body=None) -> dict[str, Any]:
  responses = {"200": _json("Done.", answer)}
  error = {
    "type": "object",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
  }
  for status in errors:
    text = ERRORS.get(status, "No such thing, or not allowed.")
    responses[status] = _json(text, error)
  found = {"summary": summary, "responses": responses}
  if "401" in errors:
    found["security"] = [{}, {"bearer": []}]
  if body is not None:
    content = {"application/json": {"schema": body.schema()}}
    found["requestBody"] = {"required": True, "content": content}
  return found


def _json(text: str, schema: dict[str, Any]) -> dict[str, Any]:
  return {
    "description": text,
    "content": {"application/json": {"schema": schema}},
  }
