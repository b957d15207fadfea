"""A version is complete, immutable, and as if it had been built anew."""

import dataclasses

import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from hypothesis import given

from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.serving.catalogue.items import NewItem
from gr_jax.serving.catalogue.snapshot import first_snapshot, live_ids
from gr_jax.serving.requests import Filters, Invalid, PriceBand
from tests.serving.page.browse_test import SIZES, shop, shops

CODES = [(0, 0, 0), (0, 0, 0), (0, 1, 0), (1, 0, 1), (0, 0, 0)]
PATHS = [["a", "x"], ["a", "y"], ["a", "x"], ["b"], []]
PRICES = np.array([np.nan, 0, 2, 3, 2], np.float32)


def priced():
  """Items "0", "1" and "4" share an ID; "3" is out of stock, "4" is gone."""
  snapshot = shop(CODES, [1, 5, 0, 2, 9], PATHS)
  items = dataclasses.replace(snapshot.items, prices=PRICES)
  return snapshot.changed(items.with_stock({"3": False}).without(["4"]))


@pytest.mark.parametrize(
  ("filters", "passes"),
  [
    (Filters(), "0123"),
    (Filters(exclude=("1", "nobody")), "023"),
    (Filters(in_stock=True), "012"),
    (Filters(price=PriceBand(min=0)), "123"),
    (Filters(price=PriceBand(min=0.1)), "23"),
    (Filters(price=PriceBand(max=1.1)), "1"),
    (Filters(price=PriceBand(min=2, max=2)), "2"),
    (Filters(price=PriceBand(min=0, max=0)), "1"),
    (Filters(categories=("a",)), "012"),
    (Filters(categories=("a > x", "b")), "023"),
    (
      Filters(
        exclude=("0",),
        categories=("a",),
        price=PriceBand(min=0, max=9),
        in_stock=True,
      ),
      "12",
    ),
  ],
)
def test_what_passes_is_what_every_filter_lets_through(filters, passes):
  snapshot = priced()
  mask = snapshot.passing(filters)
  assert "".join(snapshot.items.item_ids[mask]) == passes


def test_a_paused_item_passes_no_filter_and_moves_nothing():
  before = priced()
  after = before.changed(before.items.with_paused({"2": True}))
  assert after.version == before.version + 1
  assert after.live is before.live
  for filters in (Filters(), Filters(categories=("a > x",))):
    gone = before.passing(filters) & ~after.passing(filters)
    assert before.items.item_ids[gone].tolist() == ["2"]
  # Its ID is no candidate of a search either, but those that are shared are.
  rows = np.unpackbits(
    np.asarray(after.everything).view(np.uint8), bitorder="little"
  )
  shared = before.changed(before.items.with_paused({"0": True}))
  assert rows.sum() < rows.size
  assert np.array_equal(shared.everything, before.everything)
  again = after.changed(after.items.with_paused({"2": False}))
  assert np.array_equal(again.everything, before.everything)
  assert not np.array_equal(after.everything, before.everything)


def test_a_category_that_nobody_knows_is_refused():
  with pytest.raises(Invalid, match="'a > z', which the catalogue does not"):
    priced().passing(Filters(categories=("a", "a > z")))


@st.composite
def masked(draw):
  """A snapshot and some of its items."""
  snapshot = draw(shops())
  n = len(snapshot.items)
  mask = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
  return snapshot, mask & snapshot.items.present


@given(masked())
def test_an_id_is_allowed_while_one_of_its_items_passes(given_mask):
  snapshot, passing = given_mask
  words = snapshot.allowed(passing).words
  allowed = np.unpackbits(words.view(np.uint8), bitorder="little")
  assert not allowed[snapshot.live.num_ids :].any()
  codes = snapshot.items.semantic_ids.codes
  wanted = np.unique(codes[passing], axis=0).tolist()
  rows = np.flatnonzero(allowed)
  assert snapshot.live.ids[rows].tolist() == wanted


@given(masked(), st.integers(1, 9), st.randoms())
def test_items_follow_their_ids_the_most_bought_of_one_first(
  given_mask, k, random
):
  snapshot, passing = given_mask
  trie_rows = list(range(snapshot.live.num_ids))
  random.shuffle(trie_rows)
  items = snapshot.items
  wanted = []
  for place, row in enumerate(trie_rows):
    same = (items.semantic_ids.codes == snapshot.live.ids[row]).all(axis=1)
    found = np.flatnonzero(same & passing).tolist()
    found.sort(key=lambda item: (-items.popularity[item], item))
    wanted += [(item, place) for item in found]
  padded = np.array([*trie_rows, -1, -1])
  rows, places = snapshot.expand(padded, passing, k=k)
  assert list(zip(rows, places)) == wanted[:k]


STEPS = st.lists(
  st.tuples(st.just("add"), st.sampled_from("01pqr"), st.integers(0, 23))
  | st.tuples(st.just("gone"), st.sampled_from("0123pq"), st.just(0)),
  max_size=6,
)


def stepped(snapshot, step):
  kind, name, number = step
  items = snapshot.items
  if kind == "gone":
    return snapshot.changed(items.without([name]))
  codes = np.array(np.unravel_index(number, SIZES))[None]
  new = codes if items.row(name) < 0 else codes[:0]
  return snapshot.changed(items.with_facts([NewItem(name, "cup")], new))


@given(STEPS)
def test_a_changed_catalogue_is_one_built_anew(steps):
  transitions = count_transitions(
    shop(CODES).items.semantic_ids,
    np.array([0, 2, 3]),
    np.zeros(3, int),
    window=3,
    neighbours=2,
    last=2,
  )
  snapshot = dataclasses.replace(
    shop(CODES), count_alpha=0.5, transitions=transitions
  )
  # So that the first version, too, has the counts of its table.
  snapshot = snapshot.changed(snapshot.items.with_facts(
    [NewItem("new", "cup")], np.array([[2, 2, 1]])
  ))  # fmt: skip
  for step in steps:
    snapshot = stepped(snapshot, step)
  anew = first_snapshot(
    snapshot.items, capacity=64, count_alpha=0.5, transitions=transitions
  )
  assert snapshot.version == 2 + len(steps)
  assert snapshot.counts["counts"]["transitions"] is transitions
  np.testing.assert_array_equal(snapshot.live.ids, anew.live.ids)
  np.testing.assert_array_equal(snapshot.table_rows, anew.table_rows)
  np.testing.assert_array_equal(snapshot.ranked_items, anew.ranked_items)
  pairs = (
    (snapshot.live.arrays, anew.live.arrays),
    (snapshot.counts, anew.counts),
  )
  for found, wanted in pairs:
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


@given(STEPS)
def test_who_reads_an_old_version_notices_nothing(steps):
  snapshot = shop(CODES)
  versions, before = [snapshot], [read(snapshot)]
  for step in steps:
    versions.append(stepped(versions[-1], step))
    before.append(read(versions[-1]))
  assert [read(each) for each in versions] == before


def read(snapshot):
  """Every item behind every ID, as a request under way finds them."""
  passing = snapshot.passing(Filters())
  rows = np.arange(snapshot.live.num_ids)
  items, _ = snapshot.expand(rows, passing, k=99)
  found = snapshot.items.item_ids[items].tolist()
  device = jax.device_get(snapshot.live.trie)
  leaves = [leaf.tolist() for leaf in jax.tree.leaves(device)]
  return (
    snapshot.version,
    found,
    snapshot.allowed(passing).words.tolist(),
    leaves,
  )


@given(STEPS)
def test_all_versions_have_the_same_shapes(steps):
  snapshot = dataclasses.replace(shop(CODES), count_alpha=0.5)
  shapes = []
  for step in (("add", "new", 23), *steps):
    snapshot = stepped(snapshot, step)
    arrays = snapshot.live.trie, snapshot.counts
    shapes.append(jax.tree.map(lambda x: (x.shape, x.dtype), arrays))
  assert all(each == shapes[0] for each in shapes)


def test_a_removed_item_keeps_its_id_in_the_trie_while_another_carries_it():
  one = shop(CODES, gone=[0])
  assert one.live.num_ids == 3
  none = one.changed(one.items.without(["1", "4"]))
  assert none.live.ids.tolist() == [[0, 1, 0], [1, 0, 1]]
  back = none.changed(none.items.with_facts(
    [NewItem("4", "cup")], np.zeros((0, 3), np.int32)
  ))  # fmt: skip
  assert back.live.ids[0].tolist() == [0, 0, 0]
  assert live_ids(back.items, back.items.present).all()


def test_there_is_room_for_the_capacity_and_not_for_one_more():
  items = shop(CODES).items
  full = first_snapshot(items, capacity=3)
  # What was removed may come back, and keeps its place.
  full = full.changed(items.without(["3"]))
  more = full.items.with_facts([NewItem("p", "cup")], np.array([[2, 0, 0]]))
  for build in (full.changed, lambda items: first_snapshot(items, capacity=3)):
    with pytest.raises(ValueError, match="4 semantic IDs do not fit the room"):
      build(more)
  shared = full.items.with_facts([NewItem("q", "cup")], np.array([[0, 0, 0]]))
  assert full.changed(shared).live.num_ids == 2
