import functools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from gr_jax.data.catalogue import Catalogue, category_columns, object_array
from gr_jax.serving.catalogue.items import catalogue_items
from gr_jax.serving.catalogue.snapshot import first_snapshot
from gr_jax.serving.page.browse import children, neighbours, topic
from gr_jax.tokenizers.semantic_ids import SemanticIds

SIZES = (3, 4, 2)
SUMS = ("ids", "items", "purchases", "share")


def shop(codes, popularity=None, categories=None, gone=()):
  """A snapshot of items "0", "1", .. with these semantic IDs."""
  n = len(codes)
  columns, names = category_columns(categories or [[]] * n)
  catalogue = Catalogue(
    item_ids=object_array([str(i) for i in range(n)]),
    texts=object_array([f"item {i}" for i in range(n)]),
    categories=columns,
    category_names=names,
    values=np.ones(n, np.float32),
    popularity=np.array(
      range(n) if popularity is None else popularity, np.int64
    ),
  )
  items = catalogue_items(catalogue, SemanticIds(np.array(codes), SIZES))
  snapshot = first_snapshot(items, capacity=64)
  if gone:
    snapshot = snapshot.changed(items.without([str(i) for i in gone]))
  return snapshot


@st.composite
def shops(draw):
  """Shared and early ends, items never bought, items that are gone."""
  code = st.tuples(*(st.integers(0, size - 1) for size in SIZES))
  codes = draw(st.lists(code, min_size=1, max_size=25))
  ends = draw(st.lists(st.integers(1, 3), min_size=25, max_size=25))
  codes = [(*c[:e], *[-1] * (3 - e)) for c, e in zip(codes, ends)]
  rows = st.integers(0, len(codes) - 1)
  popularity = [draw(st.integers(0, 5)) for _ in codes]
  gone = draw(st.sets(rows, max_size=len(codes) // 2))
  return shop(codes, popularity, gone=gone)


def walk(snapshot, prefix=()):
  """Every node of the tree, with its children."""
  node = children(snapshot, prefix, offset=0, limit=100)
  yield node
  for child in node["children"]:
    yield from walk(snapshot, child["prefix"])


@given(shops())
def test_children_sum_to_their_parent(snapshot):
  root = children(snapshot, (), offset=0, limit=100)
  assert root["items"] == snapshot.items.present.sum()
  assert root["ids"] == snapshot.live.num_ids
  for node in walk(snapshot):
    if node["children"]:
      assert node["width"] == len(node["children"])
      for name in SUMS:
        below = sum(child[name] for child in node["children"])
        assert below == pytest.approx(node[name])


@given(shops())
def test_the_leaves_name_every_present_item_once(snapshot):
  listed = [item["id"] for node in walk(snapshot) for item in node["answers"]]
  present = snapshot.items.item_ids[snapshot.items.present]
  assert sorted(listed) == sorted(present)


@given(shops(), st.integers(1, 3))
def test_pages_are_the_whole_most_bought_first(snapshot, limit):
  root = children(snapshot, (), offset=0, limit=100)
  bought = [child["purchases"] for child in root["children"]]
  assert bought == sorted(bought, reverse=True)
  pages = [
    children(snapshot, (), offset=offset, limit=limit)["children"]
    for offset in range(0, root["width"], limit)
  ]
  assert [child for page in pages for child in page] == root["children"]


def test_an_unknown_prefix_is_none():
  snapshot = shop([(0, 1, 1), (2, -1, -1)])
  node_at = functools.partial(children, snapshot, offset=0, limit=9)
  for prefix in ((1,), (0, 2), (99,), (-5,), (0, -1), (2, -1, 0)):
    assert node_at(prefix) is None
  assert [c["prefix"] for c in node_at((2,))["children"]] == [[2, -1]]
  assert [item["id"] for item in node_at((2, -1))["answers"]] == ["1"]


def test_an_empty_catalogue_is_a_root_without_children():
  root = children(shop([(0, 0, 0)], gone=[0]), (), offset=0, limit=9)
  assert (root["ids"], root["items"], root["children"]) == (0, 0, [])


def shared(a, b) -> int:
  equal = np.equal(a, b)
  return len(a) if equal.all() else int(equal.argmin())


@given(shops(), st.integers(1, 8), st.data())
def test_neighbours_share_the_longest_prefixes(snapshot, limit, data):
  items = snapshot.items
  row = data.draw(st.sampled_from(np.flatnonzero(items.present).tolist()))
  codes = items.semantic_ids.codes
  rank = sorted(
    (-shared(codes[row], codes[other]), -items.popularity[other])
    for other in np.flatnonzero(items.present)
    if other != row and codes[other, 0] == codes[row, 0]
  )
  groups = neighbours(snapshot, row, limit=limit)
  listed = [
    (-group["shared"], -items.popularity[items.row(each["id"])])
    for group in groups
    for each in group["answers"]
  ]
  assert listed == rank[:limit]
  assert sum(group["items"] for group in groups) == len(rank)
  ids = [each["id"] for group in groups for each in group["answers"]]
  assert len(set(ids)) == len(ids)


def test_a_topic_is_the_deepest_category_of_at_least_half():
  paths = [["a", "x"], ["a", "y"], ["a", "y"], ["b"], []]
  items = shop([(0, 0, 0)] * 5, categories=paths).items
  for rows, listed in (
    ([1, 2, 3], {"category": "a > y", "share": 2 / 3}),
    ([0, 1, 2, 3, 4], {"category": "a", "share": 3 / 5}),
    ([0, 4], {"category": "a > x", "share": 1 / 2}),
    ([4], None),
  ):
    assert topic(items, np.array(rows)) == listed


def test_a_prefix_longer_than_an_id_has_no_children():
  snapshot = shop([(0, 0, 0)])
  assert children(snapshot, (0, 0, 0, 0), offset=0, limit=9) is None
