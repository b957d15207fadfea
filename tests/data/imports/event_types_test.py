"""Events are the kinds that trackers mean, however they spell them."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.checked_table import CheckedTable, reject_rows
from gr_jax.data.imports.columns import parse_pairs
from gr_jax.data.imports.event_types import (
  EVENT_TYPES,
  check_kinds,
  known_types,
)
from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED


def _checked(names: list[str | None], **given) -> CheckedTable:
  frame = pl.DataFrame({"event": names}, schema={"event": pl.String})
  frame = frame.with_row_index("row", offset=2)
  rejects = reject_rows("t.csv", [])
  table = CheckedTable("t.csv", frame, rejects, len(names))
  return check_kinds(table, given)


KINDS = {
  EXPOSED: ["view_item_list", "Product List Viewed", "collection_viewed"],
  CLICKED: [
    "view_item", "select_item", "Add To Cart", "add-to-cart", "addtocart",
    "pv", "cart", "fav", "Product Viewed", "begin_checkout", "AddToCart",
    "product_added_to_cart",
  ],
  ORDERED: [
    "purchase", "transaction", "buy", "checkout_completed", "Order Completed",
    "Placed Order",
  ],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_trackers_are_known(kind):
  read = _checked(KINDS[kind]).frame["kind"]
  assert read.to_list() == [kind] * len(KINDS[kind])


@given(
  st.sampled_from(" ".join(EVENT_TYPES.values()).split()),
  st.sampled_from([" ", "-", "_", ".", ""]),
  st.sampled_from([str.upper, str.title, str.lower]),
)
def test_case_and_joints_are_nothing(name, joint, case):
  written = case(name.replace("_", joint))
  same = _checked([name, written]).frame["kind"]
  assert same.to_list() == [same[0]] * 2


def test_unknown_names_are_counted_with_a_flag_that_can_be_pasted():
  names = ["scroll"] * 3 + ["page list"] * 2 + ["refund", "purchase", None]
  checked = _checked(names)
  assert checked.frame["event"].to_list() == ["purchase"]
  (note,) = checked.notes
  assert "'scroll' (3), 'page list' (2), 'refund' (1)" in note
  flag = note.split("--event_types='")[1].split("'")[0]
  pairs = parse_pairs(flag, flag="--event_types")
  assert pairs == {"scroll": "click", "page list": "exposure"}
  again = _checked(names, **pairs)
  assert again.frame["event"].to_list() == [*names[:5], "purchase"]


def test_the_users_words_come_first():
  assert known_types({"View": "click"})["view"] == CLICKED
  assert _checked(["add to cart"], Add_to_Cart="order").frame["kind"][0] == 2
