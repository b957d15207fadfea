"""What the page asks for, for the server's description of itself."""

import dataclasses
from collections.abc import Callable
from typing import Any

from gr_jax.serving.http.fields import Record
from gr_jax.serving.http.search_request import search_record

PREFIX = "(-?[0-9]{1,9}(,-?[0-9]{1,9}){0,31})?"
"""Codes with commas between."""

_ANYTHING = {"type": "object"}


def explain_record(beams: tuple[int, ...]) -> Record:
  """The body of `POST /explain`: that of a search, the query may be left out.

  Without a query it asks for the next basket.
  """
  return dataclasses.replace(search_record(beams), required=())


def page_paths(
  beams: tuple[int, ...], operation: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
  """Paths of the OpenAPI document.

  Args:
    beams: of the server.
    operation: makes one of a summary, an answer's schema, the statuses of
      errors and a body.
  """
  asked = ("400", "401", "408", "413", "415", "422", "429", "503", "504")
  whole = {
    "type": "integer",
    "minimum": 0,
    "maximum": 999_999_999,
    "default": 0,
  }
  words = {"type": "string", "minLength": 1, "maxLength": 200}
  codes = {
    "type": "string",
    "pattern": f"^{PREFIX}$",
    "default": "",
    "examples": ["3,7"],
  }
  item_id = {"type": "string", "minLength": 1}

  def told(summary, errors=(), **parameters) -> dict[str, Any]:
    found = {"get": operation(summary, _ANYTHING, ("401", *errors))}
    if parameters:
      found["parameters"] = [
        {
          "name": name,
          "in": "path" if name == "item_id" else "query",
          "required": "default" not in schema,
          "schema": schema,
        }
        for name, schema in parameters.items()
      ]
    return found

  return {
    "/explain": {
      "post": operation(
        "Items, and the probabilities of their codes.",
        _ANYTHING,
        asked,
        explain_record(beams),
      )
    },
    "/catalogue": told("Sizes, beams, facts and made-up shoppers."),
    "/tree": told(
      "The children of a prefix of codes, most bought first.",
      ("404", "422"),
      prefix=codes,
      offset=whole,
    ),
    "/find": told("Items and categories by words.", ("422",), text=words),
    "/items/{item_id}/neighbours": told(
      "Items whose IDs begin as the item's own.", ("404",), item_id=item_id
    ),
  }
