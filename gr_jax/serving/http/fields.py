"""What a JSON request may hold: one definition checks it and describes it.

A field has `check(value, where)`, which returns the value or says in one
sentence what is wrong with it, and `schema()`, its JSON schema for OpenAPI.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Protocol


class Invalid(ValueError):
  """A request that cannot be answered, in one sentence for who sent it."""


class Field(Protocol):
  """One value of a request."""

  def check(self, value: Any, where: str) -> Any:
    """The value, or `Invalid`."""

  def schema(self) -> dict[str, Any]:
    """JSON schema."""


@dataclasses.dataclass(frozen=True)
class Text:
  """A string of `shortest` to `longest` characters."""

  longest: int
  shortest: int = 1
  description: str = ""

  def check(self, value, where):
    if not isinstance(value, str):
      raise Invalid(f"{where} must be a string; got {_kind(value)}.")
    if not self.shortest <= len(value) <= self.longest:
      raise Invalid(
        f"{where} must have {self.shortest} to {self.longest} characters; got "
        f"{len(value)}."
      )
    try:
      value.encode()
    except UnicodeEncodeError:
      raise Invalid(f"{where} holds half of a surrogate pair.") from None
    return value

  def schema(self):
    sizes = {"minLength": self.shortest, "maxLength": self.longest}
    return _described({"type": "string", **sizes}, self.description)


@dataclasses.dataclass(frozen=True)
class Number:
  """A finite number of `[low, high]`, whole where `whole`."""

  low: float
  high: float
  whole: bool = False
  description: str = ""

  def check(self, value, where):
    if self.whole and isinstance(value, float) and value.is_integer():
      value = int(value)  # 1.0 is a whole number in JSON.
    kinds = int if self.whole else int | float
    if not isinstance(value, kinds) or isinstance(value, bool):
      name = "a whole number" if self.whole else "a number"
      raise Invalid(f"{where} must be {name}; got {_kind(value)}.")
    if not (self.low <= value <= self.high and math.isfinite(value)):
      raise Invalid(
        f"{where} must be {self.low:g} to {self.high:g}; got {value:g}."
        if abs(value) < 1e300
        else f"{where} must be {self.low:g} to {self.high:g}."
      )
    return value

  def schema(self):
    kind = "integer" if self.whole else "number"
    bounds = {"minimum": self.low, "maximum": self.high}
    return _described({"type": kind, **bounds}, self.description)


@dataclasses.dataclass(frozen=True)
class Flag:
  """True or false."""

  description: str = ""

  def check(self, value, where):
    if not isinstance(value, bool):
      raise Invalid(f"{where} must be true or false; got {_kind(value)}.")
    return value

  def schema(self):
    return _described({"type": "boolean"}, self.description)


@dataclasses.dataclass(frozen=True)
class ListOf:
  """At most `longest` values of one kind."""

  each: Field
  longest: int
  shortest: int = 0
  description: str = ""
  distinct: bool = False

  def check(self, value, where):
    if not isinstance(value, list):
      raise Invalid(f"{where} must be a list; got {_kind(value)}.")
    if not self.shortest <= len(value) <= self.longest:
      raise Invalid(
        f"{where} must have {self.shortest} to {self.longest} entries; got "
        f"{len(value)}."
      )
    found = [
      self.each.check(each, f"{where}[{i}]") for i, each in enumerate(value)
    ]
    if self.distinct and len(set(found)) < len(found):
      twice = next(each for each in found if found.count(each) > 1)
      raise Invalid(f"{where} names {shown(twice)} twice.")
    return found

  def schema(self):
    sizes = {"minItems": self.shortest, "maxItems": self.longest}
    if self.distinct:
      sizes["uniqueItems"] = True
    each = {"type": "array", "items": self.each.schema(), **sizes}
    return _described(each, self.description)


@dataclasses.dataclass(frozen=True)
class MapOf:
  """At most `longest` strings by name."""

  each: Field
  longest: int
  description: str = ""

  def check(self, value, where):
    if not isinstance(value, dict):
      raise Invalid(f"{where} must be an object; got {_kind(value)}.")
    if len(value) > self.longest:
      raise Invalid(
        f"{where} must have at most {self.longest} entries; got {len(value)}."
      )
    name = Text(200)
    return {
      name.check(key, f"a name in {where}"): self.each.check(
        each, f"{where}.{key}"
      )
      for key, each in value.items()
    }

  def schema(self):
    found = {
      "type": "object",
      "additionalProperties": self.each.schema(),
      "propertyNames": Text(200).schema(),
      "maxProperties": self.longest,
    }
    return _described(found, self.description)


@dataclasses.dataclass(frozen=True)
class Either:
  """A string, or an object in its place."""

  text: Field
  record: Field

  def check(self, value, where):
    field = self.record if isinstance(value, dict) else self.text
    return field.check(value, where)

  def schema(self):
    return {"anyOf": [self.text.schema(), self.record.schema()]}


@dataclasses.dataclass(frozen=True)
class Record:
  """An object of known names; any other name is refused."""

  fields: Mapping[str, Field]
  required: tuple[str, ...] = ()
  description: str = ""

  def check(self, value, where=""):
    place = where or "the body"
    if not isinstance(value, dict):
      raise Invalid(f"{place} must be an object; got {_kind(value)}.")
    for name in value:
      if name not in self.fields:
        raise Invalid(
          f"unknown field {shown(name)} in {place}; there are "
          f"{', '.join(self.fields)}."
        )
    for name in self.required:
      if name not in value:
        raise Invalid(f"{place} lacks {name!r}.")
    return {
      name: self.fields[name].check(each, f"{where}.{name}" if where else name)
      for name, each in value.items()
    }

  def schema(self):
    found = {
      "type": "object",
      "properties": {k: field.schema() for k, field in self.fields.items()},
      "additionalProperties": False,
    }
    if self.required:
      found["required"] = list(self.required)
    return _described(found, self.description)


def shown(text: str) -> str:
  """A string of the sender as a message may quote it: short and printable."""
  return ascii(text if len(text) <= 60 else text[:57] + "...")


def _described(schema: dict[str, Any], text: str) -> dict[str, Any]:
  return schema | ({"description": text} if text else {})


def _kind(value: Any) -> str:
  if value is None:
    return "null"
  names = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
  }
  return names[type(value)]
