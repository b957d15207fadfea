"""Whatever a field accepts fits its schema, and nothing else gets through."""

import json

import hypothesis
import hypothesis.strategies as st
import pytest

from gr_jax.serving.http.fields import (
  Either,
  Flag,
  Invalid,
  ListOf,
  MapOf,
  Number,
  Record,
  Text,
)

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
RECORD = Record(
  {
    "a": Text(5),
    "b": Number(0, 10),
    "c": Number(1, 3, whole=True),
    "d": ListOf(Either(Text(3), Record({"id": Text(3)}, ("id",))), 2),
    "e": MapOf(Flag(), 2),
  },
  required=("a",),
)


@hypothesis.given(value=JSON | st.fixed_dictionaries({"a": JSON, "d": JSON}))
def test_any_json_is_accepted_or_refused_in_one_line(value):
  said = refusal(value)
  assert said is None or (0 < len(said) < 250 and "\n" not in said)


def refusal(value) -> str | None:
  try:
    RECORD.check(value)
  except Invalid as error:
    return str(error)
  return None


@pytest.mark.parametrize(
  ("value", "said"),
  [
    ({}, "the body lacks 'a'"),
    ([], "the body must be an object; got a list"),
    ({"a": "x", "z": 1}, "unknown field 'z' in the body; there are a, b"),
    ({"a": 3}, "a must be a string; got a number"),
    ({"a": ""}, "a must have 1 to 5 characters; got 0"),
    ({"a": "\ud800"}, "a holds half of a surrogate pair"),
    ({"a": "x", "b": -1}, "b must be 0 to 10; got -1"),
    ({"a": "x", "b": 10**400}, "b must be 0 to 10"),
    ({"a": "x", "b": True}, "b must be a number; got true or false"),
    ({"a": "x", "c": 1.5}, "c must be a whole number"),
    ({"a": "x", "d": ["long one"]}, "d[0] must have 1 to 3 characters"),
    ({"a": "x", "d": [{}]}, "d[0] lacks 'id'"),
    ({"a": "x", "d": [{"id": None}]}, "d[0].id must be a string; got null"),
    ({"a": "x", "d": ["a"] * 3}, "d must have 0 to 2 entries; got 3"),
    ({"a": "x", "e": {"q": 1}}, "e.q must be true or false"),
  ],
)
def test_the_message_names_the_place(value, said):
  with pytest.raises(Invalid) as caught:
    RECORD.check(value)
  assert said in str(caught.value)


def test_a_whole_number_may_be_written_with_a_point():
  assert RECORD.check({"a": "x", "c": 2.0})["c"] == 2


def test_the_schema_is_json_and_names_every_field():
  schema = json.loads(json.dumps(RECORD.schema()))
  assert set(schema["properties"]) == set("abcde")
  assert schema["additionalProperties"] is False
