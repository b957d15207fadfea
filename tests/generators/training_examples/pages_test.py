import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.requests import CLICKED, EXPOSED, TRAIN, VALID
from gr_jax.generators.training_examples.pages import build_pages
from tests.reference.small_world import semantic_ids, shop


def built(max_exposures=10, id_of_item=None, split=TRAIN):
  ids = semantic_ids().id_of_item if id_of_item is None else id_of_item
  return build_pages(
    shop().requests, ids, split=split, max_exposures=max_exposures
  )


def page_of(r: int, id_of_item: np.ndarray) -> dict[int, int]:
  """The highest grade of every ID on the page of request `r`."""
  log, grades = shop().requests, {}
  for k in range(log.page_offsets[r], log.page_offsets[r + 1]):
    row = int(id_of_item[log.page_item[k]])
    grades[row] = max(grades.get(row, EXPOSED), int(log.page_kind[k]))
  return grades


@given(st.integers(1, 8), st.integers(0, 4))
def test_a_page_holds_its_distinct_ids_best_grades_first(crowd, most):
  """`crowd` items share an ID, so that grades of one ID meet."""
  id_of_item = semantic_ids().id_of_item // crowd
  pages = built(most, id_of_item)
  for n, (begin, end) in enumerate(itertools.pairwise(pages.offsets)):
    ids, grades = pages.ids[begin:end], pages.grades[begin:end]
    wanted = page_of(pages.request[n], id_of_item)
    assert len(set(ids.tolist())) == len(ids)
    assert [wanted[i] for i in ids.tolist()] == grades.tolist()
    assert (np.diff(grades) <= 0).all()
    exposed = sum(grade == EXPOSED for grade in wanted.values())
    assert (grades == EXPOSED).sum() == min(exposed, most)
    assert len(ids) == len(wanted) - max(exposed - most, 0)


def test_every_training_request_with_a_click_has_a_page():
  log = shop().requests
  rows = [
    r
    for r in np.flatnonzero(log.split == TRAIN)
    if (log.page_kind[log.page_offsets[r] : log.page_offsets[r + 1]]
        >= CLICKED).any()
  ]  # fmt: skip
  assert sorted(built().request.tolist()) == rows


def test_without_exposures_a_page_is_the_targets():
  pages, log = built(0), shop().requests
  for n, (begin, end) in enumerate(itertools.pairwise(pages.offsets)):
    targets = semantic_ids().id_of_item[log.targets(pages.request[n])]
    assert set(pages.ids[begin:end].tolist()) == set(targets.tolist())


def test_a_group_shares_user_and_history_and_groups_differ():
  pages, log = built(), shop().requests
  keys = []
  for begin, end in itertools.pairwise(pages.group_offsets):
    rows = pages.request[begin:end]
    key = set(zip(log.user[rows].tolist(), log.history_end[rows].tolist()))
    assert len(key) == 1
    keys += key
  assert len(keys) == len(set(keys))


def test_a_split_without_clicks_raises():
  log = shop().requests
  assert (log.split == VALID).any()
  with pytest.raises(ValueError, match="no clicked or ordered item in split 7"):
    built(split=7)
