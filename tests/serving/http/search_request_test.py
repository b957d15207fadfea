import pytest

from gr_jax.serving.http.fields import Invalid
from gr_jax.serving.http.search_request import (
  DAY,
  narrowed,
  question,
  recommend_record,
  search_record,
)

BEAMS = (8, 20)


def asked(body, query="cup"):
  record = recommend_record(BEAMS) if query is None else search_record(BEAMS)
  told = body if query is None else {"query": query, **body}
  return question(record.check(told), beams=BEAMS, query=query)


def test_what_is_left_out_has_a_default():
  found = asked({})
  assert (found.k, found.beam, found.history, found.facts) == (8, 8, (), ())
  assert asked({"beam": 20}).k == 10


def test_a_history_is_ordered_oldest_first_and_bare_ids_are_new():
  history = ["a", {"id": "b", "days_ago": 1}, "c", {"id": "d", "days_ago": 2}]
  assert asked({"history": history}).history == (
    ("d", 2 * DAY),
    ("b", DAY),
    ("a", 0),
    ("c", 0),
  )


def test_a_profile_becomes_the_facts_of_training():
  profile = {"user_id": "7", "facts": {"age": "25-34"}}
  found = asked({"profile": profile}, None)
  assert (found.user_id, found.facts) == ("7", ("age=25-34",))


@pytest.mark.parametrize(
  ("body", "said"),
  [
    ({"beam": 9}, "beam must be 8 or 20 on this server; got 9"),
    ({"k": 9}, "k must be at most the beam, 8; got 9"),
    ({"filters": {"price": {"min": 2, "max": 1}}}, "min 2 above max 1"),
    ({"filters": {"categories": []}}, "must have 1 to 200 entries"),
  ],
)
def test_values_that_do_not_go_together_are_refused(body, said):
  with pytest.raises(Invalid) as caught:
    asked(body)
  assert said in str(caught.value)


@pytest.mark.parametrize("query", ["!!!", "  ", "…"])
def test_a_query_without_a_word_is_refused(query):
  with pytest.raises(Invalid, match="holds no word"):
    asked({}, query)


@pytest.mark.parametrize(
  ("body", "beam"),
  [({}, 20), ({"k": 8}, 8), ({"k": 9}, 20), ({"beam": 20}, 20)],
)
def test_under_load_the_narrowest_beam_that_holds_k_is_taken(body, beam):
  found = narrowed(body, (20, 8))
  assert question(found, beams=(20, 8), query=None).beam == beam


def test_a_k_that_no_beam_holds_is_left_to_be_refused():
  with pytest.raises(Invalid, match="k must be at most"):
    question(narrowed({"k": 21}, (20, 8)), beams=(20, 8), query=None)
