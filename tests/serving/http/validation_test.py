"""A model accepts what fits it, and says of all else where and why not."""

from typing import Annotated, Literal

import hypothesis
import hypothesis.strategies as st
import pytest
from pydantic import BaseModel, Field

from gr_jax.serving.http.item_schemas import ItemsBody
from gr_jax.serving.http.validation import validated
from gr_jax.serving.requests import CLOSED, History, Invalid

JSON = st.recursive(
  st.none()
  | st.booleans()
  | st.integers()
  | st.floats(allow_nan=False)
  | st.text(st.characters()),
  lambda inner: (
    st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3)
  ),
  max_leaves=8,
)


class Body(BaseModel):
  model_config = CLOSED
  a: Annotated[str, Field(min_length=1, max_length=5)]
  b: Annotated[float, Field(ge=0, le=10)] = 0.0
  c: Literal[8, 20] = 8
  d: History = ()
  e: Annotated[
    dict[Annotated[str, Field(min_length=1)], bool], Field(max_length=2)
  ] = {}
  f: Annotated[
    tuple[float, ...], Field(max_length=2, strict=False, fail_fast=True)
  ] = ()


def refusal(value) -> str | None:
  try:
    validated(Body, value)
  except Invalid as error:
    return str(error)
  return None


@hypothesis.given(
  value=JSON | st.fixed_dictionaries({"a": JSON, "d": JSON, "e": JSON})
)
def test_any_json_is_accepted_or_refused_in_one_line(value):
  said = refusal(value)
  assert said is None or (0 < len(said) < 250 and "\n" not in said)
  assert said is None or said.isascii()


@pytest.mark.parametrize(
  ("value", "said"),
  [
    ({}, "the body lacks 'a'."),
    ([], "the body must be an object; got a list."),
    (
      {"a": "x", "z": 1},
      "unknown field 'z' in the body; there are a, b, c, d, e, f.",
    ),
    ({"A": "x"}, "unknown field 'A' in the body; there are a, b, c, d, e, f."),
    ({"a": "x", "\ud800": 1}, "the body holds half of a surrogate pair."),
    ({"a": 3}, "a must be a string; got 3."),
    ({"a": None}, "a must be a string; got null."),
    ({"a": ""}, "a must have at least 1 character; got 0."),
    ({"a": "x" * 6}, "a must have at most 5 characters; got 6."),
    ({"a": "\ud800"}, "a holds half of a surrogate pair."),
    ({"a": "x", "b": -1}, "b must be at least 0; got -1."),
    ({"a": "x", "b": 11}, "b must be at most 10; got 11."),
    ({"a": "x", "b": 10**400}, "b must be a number; got one beyond 1e300."),
    (
      {"a": "x", "b": 1e999},
      "b must be a finite number; got one beyond 1e300.",
    ),
    ({"a": "x", "b": True}, "b must be a number; got true or false."),
    ({"a": "x", "b": "1"}, "b must be a number; got '1'."),
    ({"a": "x", "c": 9}, "c must be 8 or 20; got 9."),
    ({"a": "x", "c": "8"}, "c must be 8 or 20; got '8'."),
    ({"a": "x", "d": ["x" * 201]}, "d[0].id must have at most 200 characters"),
    ({"a": "x", "d": ["a", {}]}, "d[1] lacks 'id'."),
    ({"a": "x", "d": [{"id": None}]}, "d[0].id must be a string; got null."),
    (
      {"a": "x", "d": [{"id": "a", "days": 1}]},
      "unknown field 'days' in d[0]; there are id, days_ago.",
    ),
    ({"a": "x", "d": "abc"}, "d must be a list; got 'abc'."),
    ({"a": "x", "d": {"a": 1}}, "d must be a list; got an object."),
    ({"a": "x", "f": [1, 2, 3]}, "f must have at most 2 entries; got 3."),
    ({"a": "x", "f": [1, True]}, "f[1] must be a number; got true or false."),
    ({"a": "x", "e": {"q": 1}}, "e.q must be true or false; got 1."),
    ({"a": "x", "e": {"": True}}, "a name in e must have at least 1 character"),
    ({"a": "x", "e": {"\ud800": True}}, "a name in e holds half of a"),
    (
      {"a": "x", "e": {"a": True, "b": True, "c": True}},
      "e must have at most 2 names; got 3.",
    ),
  ],
)
def test_the_message_has_the_place_and_the_value(value, said):
  with pytest.raises(Invalid) as caught:
    validated(Body, value)
  assert said in str(caught.value)


def test_a_bool_is_no_number_and_a_number_no_bool():
  for body in ({"stock": {"a": 0}}, {"add": [{"id": "a", "text": "b"}]}):
    item = body.get("add", [{}])[0]
    for bad in ({"price": True}, {"in_stock": 1}, {"vector": [False]}):
      with pytest.raises(Invalid):
        validated(ItemsBody, {**body, "add": [item | bad]})


def test_a_body_of_countless_mistakes_is_refused_at_once():
  with pytest.raises(Invalid, match="the body has 300000 errors"):
    validated(Body, {"a": "x"} | {str(i): i for i in range(300_000)})
  with pytest.raises(Invalid, match=r"f\[0\] must be a number; got 'x'"):
    validated(Body, {"a": "x", "f": ["x"] * 300_000})


def test_a_value_is_frozen():
  with pytest.raises(ValueError, match="frozen"):
    validated(Body, {"a": "x"}).b = 1.0
