"""A page is a request, and its lines are what it showed."""

import numpy as np
import polars as pl

from experiments.updates.new_pages import new_pages
from gr_jax.data.catalogue import object_array
from gr_jax.data.imports.ordered_events import ordered_events
from gr_jax.data.requests import CLICKED, ORDERED
from tests.experiments.updates.small_logs import PRICES, frame


def pages_of(*events: dict, queries=()):
  base = {"user_id": "u", "seconds": 5, "item": 1, "kind": 1, "query": "q"}
  new = ordered_events(frame([base | event for event in events]))
  new = new.with_columns(user=pl.lit(0))
  # Four events at seconds 0 to 3 are known of the user.
  times = np.array([0, 1, 2, 3, *new.filter(pl.col("kind") > 0)["time"]])
  return new_pages(
    new, np.array([0, len(times)]), times, object_array(list(queries)), PRICES
  )


def test_an_item_is_once_on_a_page_at_its_strongest_kind_with_all_paid():
  found = pages_of(
    {"kind": CLICKED},
    {"kind": ORDERED, "amount": 5.0},
    {"kind": ORDERED},
    {"kind": 0, "item": 2},
  )
  assert found.lines.select("item", "kind", "value").rows() == [
    (1, ORDERED, 5.0 + PRICES[1]),
    (2, 0, 0.0),
  ]


def test_a_page_knows_what_was_before_it_and_needs_an_answer():
  assert pages_of({}).pages["history_end"].to_list() == [4]
  assert pages_of({"kind": 0}).pages.is_empty()


def test_new_queries_stand_behind_the_known_ones():
  found = pages_of(
    {"query": "new"},
    {"query": "p", "seconds": 6},
    {"query": None, "seconds": 7},
    queries=("p", "q"),
  )
  assert found.queries.tolist() == ["p", "q", "new"]
  assert found.pages["query_row"].to_list() == [2, 0, -1]
