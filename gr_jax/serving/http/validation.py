"""A value of a request checked against a model, and the sentence if it fails.

The sentence has the place, the value and what would fit there.
"""

import typing
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gr_jax.serving.requests import Invalid, shown

Model = TypeVar("Model", bound=BaseModel)
_MOST = 100  # A sentence of each of a body's 300,000 errors takes a second.
_WANTED = {
  "string_type": "a string",
  "int_type": "a whole number",
  "int_parsing": "a whole number",
  "float_type": "a number",
  "finite_number": "a finite number",
  "bool_type": "true or false",
  "tuple_type": "a list",
  "dict_type": "an object",
  "model_type": "an object",
  "literal_error": "{expected}",
  "greater_than_equal": "at least {ge:g}",
  "less_than_equal": "at most {le:g}",
}
_KINDS = {
  type(None): "null",
  bool: "true or false",
  list: "a list",
  dict: "an object",
}


def validated(
  model: type[Model], value: Any, *, whole: str = "the body"
) -> Model:
  """Returns the value as the model has it.

  Args:
    model: the definition.
    value: JSON, or the parameters of a query string.
    whole: the name of the value in a sentence.

  Raises:
    Invalid: it does not fit.
  """
  try:
    return model.model_validate(value)
  except ValidationError as error:
    if error.error_count() > _MOST:
      raise Invalid(f"{whole} has {error.error_count()} errors.") from None
    errors = error.errors(include_url=False)
    # A misspelt name is the cause of a name that is missing.
    unknown = [e for e in errors if e["type"] == "extra_forbidden"]
    raise Invalid(_sentence(model, (unknown or errors)[0], whole)) from None


def _sentence(model: type[BaseModel], error: ErrorDetails, whole: str) -> str:
  place, value = error["loc"], error["input"]
  limits = error.get("ctx", {})
  where, parent = _named(place) or whole, _named(place[:-1]) or whole
  match error["type"]:
    case "missing":
      return f"{parent} lacks {place[-1]!r}."
    case "extra_forbidden":
      known = ", ".join(_model_at(model, place[:-1]).model_fields)
      name = shown(str(place[-1]))
      return f"unknown field {name} in {parent}; there are {known}."
    case "string_unicode":
      return f"{where} holds half of a surrogate pair."
    case "string_too_short" | "too_short":
      least = _sized(value, limits["min_length"])
      return f"{where} must have at least {least}; got {len(value)}."
    case "string_too_long" | "too_long":
      most = _sized(value, limits["max_length"])
      return f"{where} must have at most {most}; got {len(value)}."
  if wanted := _WANTED.get(error["type"]):
    return f"{where} must be {wanted.format(**limits)}; got {_got(value)}."
  return f"{where} {error['msg']}."


def _named(place: tuple[int | str, ...]) -> str:
  """`add[0].id`, as a sender would write it."""
  if place and place[-1] == "[key]":
    return f"a name in {_named(place[:-2])}"
  text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place)
  return shown(text.removeprefix("."), most=80)[1:-1]


def _got(value: Any) -> str:
  if isinstance(value, str):
    return shown(value)
  if kind := _KINDS.get(type(value)):
    return kind
  # The digits of a larger one help nobody.
  return f"{value:g}" if abs(value) < 1e300 else "one beyond 1e300"


def _sized(value: Any, size: int) -> str:
  one = {str: "character", dict: "name"}.get(type(value), "entry")
  many = "entries" if one == "entry" else f"{one}s"
  return f"{size} {one if size == 1 else many}"


def _model_at(
  model: type[BaseModel], place: tuple[int | str, ...]
) -> type[BaseModel]:
  """The model of a nested value."""
  for name in place:
    if isinstance(name, str):
      model = _model_in(model.model_fields[name].annotation) or model
  return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
  """The first model that an annotation names."""
  if isinstance(annotation, type) and issubclass(annotation, BaseModel):
    return annotation
  found = map(_model_in, typing.get_args(annotation))
  return next((each for each in found if each is not None), None)
