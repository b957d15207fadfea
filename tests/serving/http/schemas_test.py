"""Checked bodies become the values that the engine and catalogue read."""

import pytest

from gr_jax.serving.http.item_schemas import ItemsBody, item_change
from gr_jax.serving.http.schemas import (
  search_bodies,
  search_request,
)
from gr_jax.serving.http.validation import validated
from gr_jax.serving.requests import Filters, Invalid, Profile

BEAMS = (8, 20)


def request(body, query="cup", *, beams=BEAMS, unnamed=()):
  model = search_bodies(beams)["/search" if query else "/recommend"]
  body = body | ({} if query is None else {"query": query})
  return search_request(validated(model, body), beams, unnamed=unnamed)


def test_what_is_left_out_has_a_default():
  found = request({})
  assert (found.k, found.beam, found.history) == (8, 8, ())
  assert (found.profile, found.filters) == (Profile(), Filters())
  assert request({"beam": 20}).k == 10
  assert request({}, None).query is None


def test_null_is_as_if_left_out_where_nothing_is_the_default():
  body = {"filters": {"price": {"min": None}}, "profile": {"user_id": None}}
  assert request(body) == request({})
  for body in ({"k": None}, {"beam": None}, {"filters": None}):
    with pytest.raises(Invalid, match="got null"):
      request(body)


def test_a_whole_number_may_be_written_with_a_point():
  found = request({"k": 2.0, "beam": 20.0})
  assert (found.k, found.beam) == (2, 20)
  assert isinstance(found.k, int)


def test_a_history_is_ordered_oldest_first_and_bare_ids_are_new():
  history = ["a", {"id": "b", "days_ago": 1}, "c", {"id": "d", "days_ago": 2}]
  found = request({"history": history}).history
  assert [(event.id, event.seconds_ago) for event in found] == [
    ("d", 2 * 86_400),
    ("b", 86_400),
    ("a", 0),
    ("c", 0),
  ]


def test_a_profile_is_read_as_it_stands():
  profile = {"user_id": "7", "facts": {"age": "25-34"}}
  found = request({"profile": profile}, None).profile
  assert (found.user_id, found.facts) == ("7", {"age": "25-34"})


@pytest.mark.parametrize(
  ("body", "said"),
  [
    ({"beam": 9}, "beam must be 8 or 20; got 9"),
    ({"k": 9}, "k must be at most the beam, 8; got 9"),
    ({"k": 21}, "k must be at most 20; got 21"),
    ({"k": 0}, "k must be at least 1; got 0"),
    ({"filters": {"price": {"min": 2, "max": 1}}}, "min 2 above max 1"),
    ({"filters": {"categories": []}}, "must have at least 1 entry; got 0"),
  ],
)
def test_values_that_do_not_go_together_are_refused(body, said):
  with pytest.raises(Invalid) as caught:
    request(body)
  assert said in str(caught.value)


@pytest.mark.parametrize("query", ["!!!", "  ", "…"])
def test_a_query_without_a_word_is_refused(query):
  with pytest.raises(Invalid, match="holds no word"):
    request({}, query)


def test_an_explanation_is_requested_as_a_search_or_without_a_query():
  bodies = search_bodies(BEAMS)
  search, explain = bodies["/search"], bodies["/explain"]
  assert explain.model_fields.keys() == search.model_fields.keys()
  assert search.model_json_schema()["required"] == ["query"]
  assert search_request(validated(explain, {}), BEAMS).k == 8
  body = {"query": "cup", "beam": 20, "k": 9}
  assert search_request(validated(explain, body), BEAMS) == request(body)
  for body in ({"query": ""}, {"unknown": 1}, {"k": 21}):
    with pytest.raises(Invalid):
      validated(explain, body)


@pytest.mark.parametrize(
  ("body", "beam"),
  [({}, 20), ({"k": 8}, 8), ({"k": 9}, 20), ({"beam": 20}, 20)],
)
def test_under_load_the_narrowest_beam_that_holds_k_is_taken(body, beam):
  assert request(body, beams=(20, 8), unnamed=(8, 20)).beam == beam


def test_a_beam_with_a_width_per_level_has_a_name():
  beams = ((4, 8, 30), 20)
  assert request({}, beams=beams).beam == (4, 8, 30)
  assert request({"beam": "4:8:30", "k": 30}, beams=beams).beam == (4, 8, 30)
  assert request({"beam": 20}, beams=beams).beam == 20
  with pytest.raises(Invalid, match="k must be at most 30; got 31"):
    request({"k": 31}, beams=beams)
  with pytest.raises(Invalid, match="must be '4:8:30' or 20; got 8"):
    request({"beam": 8}, beams=beams)


def test_a_k_that_no_beam_holds_is_refused_under_load_as_well():
  with pytest.raises(Invalid, match="k must be at most"):
    request({"k": 21}, beams=(20, 8), unnamed=(8, 20))


def change(body):
  return item_change(validated(ItemsBody, body))


def test_beams_of_two_types_are_described_by_type():
  model = search_bodies((8, (8, 16, 16), 4))["/search"]
  beam = model.model_json_schema()["properties"]["beam"]
  assert beam["anyOf"] == [
    {"type": "integer", "enum": [8, 4]},
    {"type": "string", "enum": ["8:16:16"]},
  ]
  for name in (8, 8.0, 4, "8:16:16"):
    assert validated(model, {"query": "cup", "beam": name})
  with pytest.raises(Invalid, match="beam must be"):
    validated(model, {"query": "cup", "beam": "8"})


def test_a_change_holds_what_the_body_says():
  body = {
    "add": [
      {"id": "a", "text": "b", "price": 2, "vector": [1, 2.5]}
      | {"fields": {"account": "7"}}
    ],
    "remove": ["c"],
    "stock": {"d": False},
  }
  found = change(body)
  assert found.add[0]._asdict() == {
    "item_id": "a",
    "text": "b",
    "category": None,
    "price": 2,
    "in_stock": True,
    "vector": (1, 2.5),
    "codes": None,
    "category_share": None,
    "fields": {"account": "7"},
    "paused": None,
    "attributes": None,
  }
  assert (found.remove, found.stock) == (("c",), {"d": False})


def test_facts_of_single_items_stand_by_their_ids():
  found = change({"prices": {"a": None, "b": 0}})
  assert found.prices == {"a": None, "b": 0}
  found = change({"paused": {"a": True}, "prices": {"b": 2}})
  assert found == ((), (), {}, {"a": True}, {"b": 2.0})
  with pytest.raises(Invalid, match=r"prices\.b must be at least 0"):
    change({"prices": {"b": -1}})
  with pytest.raises(Invalid, match=r"paused\.a must be true or false"):
    change({"paused": {"a": None}})


@pytest.mark.parametrize(
  ("body", "said"),
  [
    ({}, "changes nothing"),
    ({"add": []}, "changes nothing"),
    ({"add": [{"id": "a", "text": "b"}] * 2}, "'a' stands in this change"),
    ({"add": [{"id": "a", "text": "b"}], "remove": ["a"]}, "twice"),
    ({"remove": ["a", "a"]}, "twice"),
    ({"add": [{"id": "a"}]}, "add[0] lacks 'text'"),
    ({"stock": {"a": 1}}, "stock.a must be true or false"),
    (
      {"add": [{"id": "a", "text": "b", "fields": {"account": 7}}]},
      "add[0].fields.account must be a string",
    ),
  ],
)
def test_a_change_that_says_nothing_or_too_much_is_refused(body, said):
  with pytest.raises(Invalid) as caught:
    change(body)
  assert said in str(caught.value)
