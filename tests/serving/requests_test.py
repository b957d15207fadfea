"""Values of requests: purchases, profiles, and what a message quotes."""

import pytest
from pydantic import BaseModel, ValidationError

from gr_jax.serving.requests import (
  CLOSED,
  Filters,
  History,
  PriceBand,
  Purchase,
  SearchRequest,
  shown,
)


class Shopper(BaseModel):
  model_config = CLOSED
  history: History = ()


def test_a_history_stands_oldest_first_and_bare_ids_are_new():
  found = Shopper(
    history=["a", {"id": "b", "days_ago": 0.5}, "c", {"id": "d", "days_ago": 2}]
  ).history
  assert [(event.id, event.seconds_ago) for event in found] == [
    ("d", 172_800), ("b", 43_200), ("a", 0), ("c", 0),
  ]  # fmt: skip


def test_ages_are_whole_seconds():
  assert Purchase(id="a", days_ago=1 / 86_400).seconds_ago == 1
  assert Purchase(id="a", days_ago=1.4 / 86_400).seconds_ago == 1
  assert Purchase(id="a", days_ago=1.6 / 86_400).seconds_ago == 2


def test_a_quoted_text_is_short_ascii_and_ends_in_dots():
  assert shown("cup") == "'cup'"
  assert shown("a" * 60) == repr("a" * 60)
  assert shown("a" * 61) == repr("a" * 57 + "...")
  assert shown("é\n") == r"'\xe9\n'"
  assert shown("abcdef", most=5) == "'ab...'"


@pytest.mark.parametrize(
  ("model", "values"),
  [
    (Purchase, {"id": "", "days_ago": 1}),
    (Purchase, {"id": "a", "days_ago": -1}),
    (Purchase, {"id": "a", "days_ago": float("nan")}),
    (Purchase, {"id": "a", "days_ago": 36_501}),
    (Purchase, {"id": "a", "days_ago": 1, "price": 3}),
    (PriceBand, {"min": -1}),
    (Filters, {"categories": []}),
    (Filters, {"exclude": ["a"] * 5001}),
    (Shopper, {"history": ["a"] * 1025}),
    (Shopper, {"history": [3]}),
  ],
)
def test_values_out_of_range_and_unknown_fields_are_refused(model, values):
  with pytest.raises(ValidationError):
    model(**values)


def test_the_ends_of_each_range_are_accepted():
  assert Purchase(id="a" * 200, days_ago=36_500).days_ago == 36_500
  assert len(Shopper(history=["a"] * 1024).history) == 1024
  assert len(Filters(exclude=["a"] * 5000).exclude) == 5000


def test_a_request_asks_for_the_next_basket_of_nobody_by_default():
  request = SearchRequest(beam=8, k=3)
  assert (request.query, request.history) == (None, ())
  assert request.profile.user_id is None
  assert request.filters == Filters()
  assert not request.filters.in_stock
