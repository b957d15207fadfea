"""Rows are only added, each keeps its semantic ID, and versions are values."""

import dataclasses
import itertools
import json

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from gr_jax.serving.catalogue.attributes import attributes_of
from gr_jax.serving.catalogue.items import NewItem
from gr_jax.serving.requests import Invalid
from tests.serving.page.browse_test import SIZES, shop

CODES = [(0, 0, 0), (0, 1, 0), (1, 0, 1), (2, 3, 1)]
PATHS = [["a", "x"], ["a", "y"], ["b", "z"], []]
COLUMNS = (
  "item_ids", "texts", "categories", "prices", "popularity", "present",
  "in_stock", "paused",
)  # fmt: skip
NAMES = st.sampled_from([*"0123", *"pqrs"])
NO_CODES = np.zeros((0, len(SIZES)), np.int32)


def first():
  return shop(CODES, categories=PATHS).items


def prices_of(items) -> list[float | None]:
  return [items.record(row)["price"] for row in range(len(items))]


def columns_of(items) -> dict[str, list]:
  """All that a version says, by value."""
  columns = {name: getattr(items, name).tolist() for name in COLUMNS}
  columns["prices"] = prices_of(items)
  rows = range(len(items))
  return columns | {
    "codes": items.semantic_ids.codes.tolist(),
    "attributes": [attributes_of(items.attributes, row) for row in rows],
  }


def with_facts(items, *new: NewItem):
  """`with_facts`; who is new gets any codes."""
  fresh = sum(items.row(item.item_id) < 0 for item in new)
  codes = np.arange(3 * fresh).reshape(fresh, 3) % SIZES
  return items.with_facts(new, codes)


FACTS = st.builds(
  NewItem,
  NAMES,
  st.sampled_from(["cup", "plate"]),
  st.sampled_from([None, "a", "b > z"]),
  st.sampled_from([None, 0.0, 2.5]),
  st.booleans(),
)
STEPS = st.lists(
  st.lists(FACTS, min_size=1, max_size=3, unique_by=lambda item: item.item_id)
  | st.sets(NAMES)
  | st.dictionaries(NAMES, st.booleans()),
  max_size=6,
)


def test_what_is_paused_is_known_and_not_shown():
  items = first().with_paused({"1": True, "3": True, "nobody": True})
  assert items.shown.tolist() == [True, False, True, False]
  assert items.present.all()
  assert items.record(1)["paused"]
  resumed = items.with_paused({"1": False})
  assert resumed.shown.tolist() == [True, True, True, False]
  # New facts leave it paused, unless they say otherwise.
  described = with_facts(items, NewItem("1", "cup"), NewItem("3", "cup"))
  assert described.paused.tolist() == items.paused.tolist()
  named = with_facts(items, NewItem("1", "cup", paused=False))
  assert named.paused.tolist() == [False, False, False, True]
  new = with_facts(items, NewItem("p", "cup", paused=True))
  assert not new.shown[new.row("p")]
  # What is gone comes back as any other.
  back = with_facts(items.without(["1"]), NewItem("1", "cup"))
  assert back.shown[1]


def test_a_price_changes_alone():
  before = first()
  items = before.with_prices({"2": 2.5, "nobody": 1.0})
  assert items.record(2)["price"] == 2.5
  old = columns_of(before)
  assert columns_of(items) == old | {"prices": prices_of(items)}
  assert items.present is before.present
  assert items.with_prices({"2": 0.0}).record(2)["price"] == 0
  assert items.with_prices({"2": None}).record(2)["price"] is None


def test_a_fact_of_nobody_changes_nothing():
  items = first()
  assert items.with_prices({"nobody": 1.0}) is items
  assert items.with_paused({}) is items


def after(items, step):
  match step:
    case list():
      return with_facts(items, *step)
    case set():
      return items.without(sorted(step))
  return items.with_stock(step)


@hypothesis.given(STEPS)
def test_the_last_word_on_every_item_counts(steps):
  items = first()
  present = dict.fromkeys("0123", True)
  stock = dict.fromkeys("0123", True)
  texts = {name: f"item {name}" for name in "0123"}
  for step in steps:
    items = after(items, step)
    if isinstance(step, list):
      present |= {item.item_id: True for item in step}
      stock |= {item.item_id: item.in_stock for item in step}
      texts |= {item.item_id: item.text for item in step}
    else:
      known = {k: bool(v) for k, v in dict.fromkeys(step).items() if k in texts}
      if isinstance(step, set):
        present |= dict.fromkeys(known, False)
      else:
        stock |= {k: step[k] for k in known}
  rows = {name: items.row(name) for name in texts}
  assert sorted(rows.values()) == list(range(len(items)))
  for name, row in rows.items():
    found = items.present[row], items.in_stock[row], items.texts[row]
    assert found == (present[name], stock[name], texts[name])


@hypothesis.given(STEPS)
def test_a_version_never_changes_and_no_id_that_was_given_moves(steps):
  versions = [first()]
  before = [columns_of(versions[0])]
  for step in steps:
    versions.append(after(versions[-1], step))
    before.append(columns_of(versions[-1]))
  assert [columns_of(each) for each in versions] == before
  for old, new in itertools.pairwise(before):
    n = len(old["codes"])
    assert new["codes"][:n] == old["codes"]
    assert new["item_ids"][:n] == old["item_ids"]
    assert new["popularity"][:n] == old["popularity"]
    assert not any(new["popularity"][n:])


def test_a_version_does_not_know_what_came_after_it():
  old = first()
  new = with_facts(old, NewItem("p", "cup"))
  assert (old.row("p"), new.row("p")) == (-1, 4)
  assert old.rows(["3", "p", "nobody"]).tolist() == [3, -1, -1]


def test_attributes_stay_until_others_are_given():
  items = with_facts(first(), NewItem("1", "cup", attributes={"brand": "x"}))
  items = with_facts(items, NewItem("p", "cup"), NewItem("1", "mug"))
  assert items.record(1)["attributes"] == {"brand": "x"}
  assert items.record(items.row("p"))["attributes"] == {}
  other = with_facts(items, NewItem("1", "mug", attributes={"url": "u"}))
  assert other.record(1)["attributes"] == {"url": "u"}
  none = with_facts(other, NewItem("1", "mug", attributes={}))
  assert none.record(1)["attributes"] == {}
  assert items.record(1)["attributes"] == {"brand": "x"}


def test_an_item_added_again_has_the_new_facts_and_its_old_category():
  items = with_facts(first(), NewItem("1", "plate", price=2.0, in_stock=False))
  record = {"id": "1", "text": "plate", "price": 2.0, "in_stock": False}
  record |= {"paused": False, "category": "a > y", "attributes": {}}
  assert items.record(1) == record | {"semantic_id": list(CODES[1])}
  assert items.categories[1].tolist() == first().categories[1].tolist()
  moved = with_facts(items, NewItem("1", "plate", "b > z"))
  assert moved.categories[1].tolist() == first().categories[2].tolist()


@pytest.mark.parametrize(
  ("path", "like"), [("a > x", 0), ("a > y", 1), ("b > z", 2), (None, 3)]
)
def test_a_path_names_the_categories_above_it(path, like):
  items = with_facts(first(), NewItem("p", "cup", path))
  assert items.categories[4].tolist() == items.categories[like].tolist()


def test_a_path_names_no_category_below_it():
  items = with_facts(first(), NewItem("p", "cup", "b"))
  assert items.categories[4].tolist() == [items.categories[2, 0], -1]


def test_a_category_that_all_items_left_keeps_its_place():
  items = with_facts(first(), NewItem("2", "cup", "a > x"))
  again = with_facts(items, NewItem("p", "cup", "b > z"))
  assert again.categories[4].tolist() == first().categories[2].tolist()


def test_a_new_category_is_taken_with_all_above_it():
  old = first()
  new = with_facts(
    old, NewItem("p", "cup", "b > x"), NewItem("q", "cup", "c > x")
  )
  paths = [new.path_of(row) for row in new.categories]
  assert paths == ["a > x", "a > y", "b > z", None, "b > x", "c > x"]
  # What is known keeps its row, and the version before knows nothing new.
  assert new.categories[:4].tolist() == old.categories.tolist()
  assert new.categories[4, 0] == old.categories[2, 0]
  assert set(new.category_row) - set(old.category_row) == {
    "b > x",
    "c",
    "c > x",
  }
  assert len(set(new.category_row.values())) == len(new.category_row)


@pytest.mark.parametrize("path", ["a > b > c", "a > ", " > x"])
def test_a_path_that_does_not_fit_the_depths_is_refused(path):
  with pytest.raises(Invalid, match="give a full path of 1 to 2 names"):
    with_facts(first(), NewItem("p", "cup", path))


def test_a_catalogue_without_categories_takes_none():
  items = shop(CODES).items
  with pytest.raises(Invalid, match="this catalogue has none; leave it out"):
    with_facts(items, NewItem("p", "cup", "a"))


def test_codes_that_do_not_fit_the_levels_are_refused():
  with pytest.raises(ValueError, match="level l takes"):
    first().with_facts([NewItem("p", "cup")], np.array([SIZES]))


def test_a_record_is_json_and_has_no_price_that_is_not_known():
  items = with_facts(
    first(), NewItem("p", "cup"), NewItem("q", "cup", price=0.0)
  )
  assert items.record(4)["price"] is None
  assert json.loads(json.dumps(items.record(5)))["price"] == 0


def test_columns_keep_their_types():
  old = first()
  new = with_facts(old, NewItem("p", "cup", price=1.0)).without(["0"])
  for name in COLUMNS:
    assert getattr(new, name).dtype == getattr(old, name).dtype
    assert len(getattr(new, name)) == 5
  assert {f.name for f in dataclasses.fields(old)} >= set(COLUMNS)


def test_a_refused_change_leaves_no_item_behind():
  items = first()
  with pytest.raises(Invalid):
    items.with_facts(
      [NewItem("N1", "cup"), NewItem("0", "cup", "a > b > c")],
      np.array([[2, 0, 0]]),
    )
  new = items.with_facts([NewItem("N2", "cup")], np.array([[2, 1, 0]]))
  assert new.row("N1") == -1
  assert new.row("N2") == len(items)
