"""What was acknowledged comes back as it was, however often it is replayed."""

import json
import types

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from gr_jax.serving.catalogue.generation import Serving
from gr_jax.serving.catalogue.generation_change import changed
from gr_jax.serving.catalogue.item_log import ItemLog, read_changes
from gr_jax.serving.catalogue.items import ItemChange, NewItem
from gr_jax.serving.catalogue.log_replay import applied, change_record, fold
from tests.serving.catalogue.items_test import columns_of
from tests.serving.page.browse_test import SIZES, shop

# The last two never change, so that no category is without an item.
CODES = [(0, 0, 0), (0, 1, 0), (1, 0, 1), (2, 3, 1), (2, 3, 0)]
PATHS = [["a", "x"], ["b", "y"], [], ["a", "x"], ["b", "y"]]
NAMES = [*"012", *"pqrs"]
MARK = "tokenizer 1"


def catalogue():
  return shop(CODES, categories=PATHS).items


def encode(new, items) -> np.ndarray:
  """The first IDs that nobody has, so that the order of coding shows."""
  taken = set(map(tuple, items.semantic_ids.codes.tolist()))
  free = (tuple(map(int, code)) for code in np.ndindex(SIZES))
  free = (code for code in free if code not in taken)
  return np.array([next(free) for _ in new])


def serving():
  engine = types.SimpleNamespace(
    artefacts=types.SimpleNamespace(tokenizer_fingerprint=MARK)
  )
  encoder = types.SimpleNamespace(
    codes=encode,
    check_vector=lambda item: None,
    check_fields=lambda item: None,
    with_categories=lambda new, items: new,
    candidates=lambda known, new, items: None,
  )
  return Serving(engine, encoder, shop(CODES, categories=PATHS))


def served(changes) -> tuple:
  """The items after changes that a service took, and its records."""
  now, records = serving(), []
  for change in changes:
    snapshot, record = changed(now, change)
    now = now._replace(snapshot=snapshot)
    records.append(json.loads(json.dumps(record)))
  return now.snapshot.items, records


def replayed(records, items=None, mark=MARK):
  folded = fold(records, mark=mark)
  return applied(folded, items or catalogue(), encode, vector_width=1)


FACTS = st.builds(
  NewItem,
  st.sampled_from(NAMES),
  st.sampled_from(["cup", "plate"]),
  st.sampled_from([None, "a", "a > x", "b > y"]),
  st.sampled_from([0.0, 2.5]),
  st.booleans(),
  paused=st.sampled_from([None, False, True]),
  attributes=st.sampled_from([None, {}, {"brand": "x"}, {"url": "é"}]),
)
ALSO_UNKNOWN = st.sampled_from([*NAMES, "nobody"])
CHANGES = st.lists(
  st.builds(
    ItemChange,
    st.lists(FACTS, max_size=3, unique_by=lambda item: item.item_id),
    st.lists(ALSO_UNKNOWN, max_size=2),
    *[st.dictionaries(ALSO_UNKNOWN, st.booleans(), max_size=2)] * 2,
    st.dictionaries(ALSO_UNKNOWN, st.sampled_from([0.0, 3.5]), max_size=2),
  ),
  max_size=5,
)


@hypothesis.given(CHANGES)
def test_a_replay_is_what_was_served(changes):
  items, records = served(changes)
  found, recoded = replayed(records)
  assert columns_of(found) == columns_of(items)
  assert recoded == []


@hypothesis.given(CHANGES)
def test_a_second_replay_changes_nothing(changes):
  _, records = served(changes)
  once, _ = replayed(records)
  assert columns_of(replayed(records + records)[0]) == columns_of(once)
  assert columns_of(replayed(records, once)[0]) == columns_of(once)


@hypothesis.given(CHANGES)
def test_another_tokenizer_codes_anew_once_and_forgets_no_fact(changes):
  items, records = served(changes)
  found, recoded = replayed(records, mark="tokenizer 2")
  added = [name for name in NAMES[3:] if items.row(name) >= 0]
  assert sorted(item.item_id for item in recoded) == added
  for name in added:
    old, new = items.row(name), found.row(name)
    for column in ("texts", "prices", "present", "in_stock", "paused"):
      assert getattr(found, column)[new] == getattr(items, column)[old]
    np.testing.assert_array_equal(found.categories[new], items.categories[old])
  gone = [name for name in added if not items.present[items.row(name)]]
  stock = {name: bool(items.in_stock[items.row(name)]) for name in added}
  paused = {name: bool(items.paused[items.row(name)]) for name in added}
  prices = {name: float(items.prices[items.row(name)]) for name in added}
  change = ItemChange(recoded, gone, stock, paused, prices)
  kept = change_record("tokenizer 2", change)
  records.append(json.loads(json.dumps(kept)))
  again, anew = replayed(records, mark="tokenizer 2")
  assert anew == []
  assert columns_of(again) == columns_of(found)
  # Back at the first tokenizer its own codes count.
  assert columns_of(replayed(records)[0]) == columns_of(items)


def add(name: str, codes=None, mark=MARK, **facts):
  item = NewItem(name, "cup", codes=codes, **facts)
  return change_record(mark, ItemChange([item]))


def test_a_log_of_before_items_could_be_paused_is_read():
  record = add("0", price=3.0)
  record |= {"remove": [], "stock": {}}
  found, _ = replayed([record])
  assert found.prices[0] == 3
  assert not found.paused.any()


def test_codes_that_were_given_are_not_given_away():
  records = [add("p", mark="old"), add("q", (0, 0, 1))]
  found, recoded = replayed(records)
  codes = found.semantic_ids.codes
  assert codes[found.row("q")].tolist() == [0, 0, 1]
  # (0, 0, 1) is the first free ID of the catalogue, but it is taken.
  assert codes[found.row("p")].tolist() == [0, 1, 1]
  assert [(item.item_id, item.codes) for item in recoded] == [("p", (0, 1, 1))]


def test_an_item_keeps_its_first_codes_and_category():
  first = add("p", (1, 1, 1), category="a > x")
  (item,) = fold([first, add("p", (0, 0, 1), price=2.0)], mark=MARK).add
  assert item == NewItem("p", "cup", "a > x", price=2.0, codes=(1, 1, 1))


def test_a_record_without_codes_takes_those_of_the_catalogue():
  found, recoded = replayed([add("0", price=3.0)])
  assert recoded == []
  assert found.semantic_ids.codes.tolist() == [list(code) for code in CODES]
  assert found.prices[0] == 3


def test_a_category_that_is_gone_is_a_new_one_again():
  found, _ = replayed([add("p", (1, 1, 1), category="garden > seeds")])
  columns = found.categories[found.row("p")]
  assert found.path_of(columns) == "garden > seeds"


def test_the_share_of_the_votes_is_kept():
  record = add("p", category="a > x", category_share=0.75)
  (item,) = fold([json.loads(json.dumps(record))], mark=MARK).add
  assert (item.category, item.category_share) == ("a > x", 0.75)


def test_a_level_that_is_full_raises():
  def full(new, items):
    raise ValueError("level 2 is full")

  with pytest.raises(ValueError, match="level 2 is full"):
    applied(fold([add("p")], mark=MARK), catalogue(), full, vector_width=1)


@hypothesis.settings(max_examples=10)
@hypothesis.given(CHANGES)
def test_a_log_is_the_catalogue_also_when_it_was_compacted(
  tmp_path_factory, changes
):
  items, records = served(changes)
  path = tmp_path_factory.mktemp("log") / "items.log"
  log = ItemLog(path)
  for number, record in enumerate(records):
    if number == len(records) // 2:
      log.compact()
    log.append(record)
  log.close()
  for compacted in (False, True):
    log = ItemLog(path)
    assert log.records == len(records)
    change = log.state.change(MARK)
    found, _ = applied(change, catalogue(), encode, vector_width=1)
    assert columns_of(found) == columns_of(items)
    assert columns_of(replayed(list(read_changes(path)))[0]) == columns_of(
      items
    )
    if not compacted:
      log.compact()
    log.close()


def test_a_vector_is_kept_as_the_category_is():
  records = [add("p", category="a", vector=(1.0,)), add("p", price=2.0)]
  (item,) = fold(records, mark="new").add
  assert (item.category, item.vector) == ("a", (1.0,))


def test_fields_are_kept_each_at_its_last_value():
  records = [
    add("p", fields={"account": "1", "conversion": "x"}),
    add("p", price=2.0),
    add("p", fields={"account": "2"}),
    add("q"),
  ]
  known, bare = fold(json.loads(json.dumps(records)), mark="new").add
  assert known.fields == {"account": "2", "conversion": "x"}
  assert bare.fields is None


def test_a_vector_of_another_width_gives_way_to_the_text(capsys):
  seen = []

  def coding(new, items):
    seen.extend(new)
    return encode(new, items)

  records = [add("p", mark="old", vector=(1.0, 2.0))]
  applied(fold(records, mark=MARK), catalogue(), coding, vector_width=1)
  assert [item.vector for item in seen] == [None]
  assert "a vector of 2 numbers" in capsys.readouterr().err
