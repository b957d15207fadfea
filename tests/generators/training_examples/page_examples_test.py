import dataclasses
import itertools

import jax
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.requests import TRAIN
from gr_jax.generators.training_examples.page_examples import (
  PageExamplesConfig,
  training_pages,
)
from gr_jax.generators.training_examples.pages import Pages, build_pages
from tests.reference.small_world import semantic_ids, shop, writer

CONFIG = PageExamplesConfig(
  batch_size=8, places=7, pages=3, hidden_share=0.5, seed=3
)


def pages() -> Pages:
  """Pages of the shop, three requests to a prompt."""
  found = build_pages(
    shop().requests,
    semantic_ids().id_of_item,
    split=TRAIN,
    max_exposures=3,
  )
  offsets = np.append(np.arange(0, len(found), 3), len(found))
  return dataclasses.replace(found, group_offsets=offsets)


def batches(config=CONFIG, count=6):
  dataset = training_pages(
    pages(),
    writer(),
    semantic_ids().ids,
    shop().requests.query,
    config=config,
  )
  return list(itertools.islice(iter(dataset), count))


def known() -> dict[tuple, set[tuple]]:
  """Queries to pages of codes, as the log has them."""
  found, log = {}, shop().requests
  all_pages = pages()
  for n, (begin, end) in enumerate(itertools.pairwise(all_pages.offsets)):
    query = tuple(writer().queries(log.query[all_pages.request[n]]).tolist())
    codes = semantic_ids().ids[all_pages.ids[begin:end]]
    found.setdefault(query, set()).add(tuple(map(tuple, codes.tolist())))
  return found


@given(places=st.integers(2, 12), room=st.integers(1, 4))
def test_rows_hold_pages_of_the_log_in_their_order(places, room):
  config = dataclasses.replace(CONFIG, places=places, pages=room)
  wanted = known()
  for batch in batches(config, count=2):
    there = batch.page < room
    assert (batch.weights > 0).tolist() == there.tolist()
    assert there[:, 0].all()
    for b, q in np.ndindex(*batch.ends.shape):
      codes = tuple(map(tuple, batch.codes[b][batch.page[b] == q].tolist()))
      query = tuple(batch.queries[b, q].tolist())
      if batch.ends[b, q]:
        assert codes in wanted[query]
      elif codes:  # Cut: a part of a page, in order.
        assert len(codes) == places
        assert any(_inside(codes, page) for page in wanted[query])


def _inside(part, whole) -> bool:
  rest = iter(whole)
  return all(code in rest for code in part)


def test_places_of_a_page_are_side_by_side():
  for batch in batches():
    for row in batch.page:
      changes = np.flatnonzero(np.diff(row))
      assert len(set(row.tolist())) == len(changes) + 1


def test_weights_are_those_of_the_grades():
  config = dataclasses.replace(CONFIG, ordered=3.0, clicked=2.0, exposed=0.5)
  np.testing.assert_array_equal(config.weights, [0.5, 2.0, 3.0])
  found = np.concatenate([b.weights.ravel() for b in batches(config)])
  assert set(found.tolist()) == {0.0, 0.5, 2.0, 3.0}


def test_an_iterator_goes_on_where_its_state_says():
  dataset = training_pages(
    pages(), writer(), semantic_ids().ids, shop().requests.query, config=CONFIG
  )
  first = iter(dataset)
  for _ in range(4):
    next(first)
  state = first.get_state()
  expected = [next(first) for _ in range(2)]
  second = iter(dataset)
  second.set_state(state)
  for want in expected:
    jax.tree.map(np.testing.assert_array_equal, want, next(second))


def test_a_prompt_comes_up_as_often_as_its_pages_fill_a_row():
  """In rows of 4 places and 2 pages: 4 places fill one, 5 or 3 pages two."""
  offsets = np.array([0, 2, 4, 9, 10, 11, 12])  # Pages of 2 2 | 5 | 1 1 1.
  ids = np.arange(12) % semantic_ids().num_ids
  found = Pages(
    group_offsets=np.array([0, 2, 3, 6]),
    request=np.arange(6),
    offsets=offsets,
    ids=ids,
    grades=np.zeros(12, np.int8),
  )
  config = PageExamplesConfig(batch_size=1, places=4, pages=2, hidden_share=0)
  dataset = training_pages(
    found, writer(), semantic_ids().ids, shop().requests.query, config=config
  )
  group_of = {
    tuple(semantic_ids().ids[i]): g
    for g, (begin, end) in enumerate([(0, 4), (4, 9), (9, 12)])
    for i in ids[begin:end]
  }
  epoch = list(itertools.islice(iter(dataset), 5))
  shown = [group_of[tuple(batch.codes[0, 0].tolist())] for batch in epoch]
  assert sorted(shown) == [0, 1, 1, 2, 2]
  # Two pages of two fill their row exactly.
  assert epoch[shown.index(0)].page.tolist() == [[0, 0, 1, 1]]
