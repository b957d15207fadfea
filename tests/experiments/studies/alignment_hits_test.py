import numpy as np

from experiments.studies.alignment_hits import (
  FIGURES,
  HitsConfig,
  asked,
  hit_columns,
  pages,
)
from gr_jax.data.requests import EXPOSED, TEST
from tests.reference.small_world import semantic_ids, shop


def test_asked_are_clicked_requests_of_the_test_period_once_each():
  rows = asked(shop().requests, HitsConfig(requests=10))
  assert len(set(rows.tolist())) == 10
  assert (shop().requests.split[rows] == TEST).all()
  again = asked(shop().requests, HitsConfig(requests=10))
  np.testing.assert_array_equal(rows, again)


def test_a_page_holds_what_was_clicked_and_what_was_not():
  rows = asked(shop().requests, HitsConfig())
  found = pages(shop().requests, rows)
  for place, row in enumerate(rows):
    page = slice(*shop().requests.page_offsets[row : row + 2])
    expected = set(shop().requests.page_item[page].tolist())
    assert set(found[place].tolist()) == expected


def test_first_place_ten_places_and_pages_are_told_apart():
  """Of ten IDs the fourth is clicked, the first was only shown."""
  requests, ids = shop().requests, semantic_ids()
  rows = asked(requests, HitsConfig())
  for row in rows:
    page = slice(*requests.page_offsets[row : row + 2])
    names = ids.id_of_item[requests.page_item[page]]
    liked = names[requests.page_kind[page] > EXPOSED]
    shown = np.setdiff1d(names, liked)
    if len(shown):
      break
  others = np.setdiff1d(np.arange(ids.num_ids), names)[:10]

  def columns(**places):
    ranked = others.copy()
    for place, name in places.items():
      ranked[int(place[1:])] = name
    found = hit_columns(ranked[None], requests, np.array([row]), ids)
    return dict(zip(FIGURES, found[0].tolist()))

  none, both = columns(), columns(p0=shown[0], p3=liked[0])
  assert not any(none.values())
  assert both == {"click@1": False, "click@10": True, "exposure@10": True}
  assert columns(p0=liked[0])["click@1"]
  assert columns(p9=shown[0]) == none | {"exposure@10": True}
