"""Figures of a made-up study."""

import numpy as np
import pytest

from experiments.studies import claim_figures
from gr_jax.tokenizers.semantic_ids import SemanticIds


def test_crowding_of_ids_is_counted_from_the_side_of_items():
  codes = np.array([[0, 0], [0, 0], [0, 0], [1, 0]])
  found = claim_figures.id_figures(SemanticIds(codes, (2, 1)))
  assert found["ids"] == 2
  assert found["items_per_id"] == 2
  assert found["items_at_an_items_id"] == pytest.approx((3 * 3 + 1) / 4)
  assert found["largest"] == 3


def test_figures_of_ids_are_means_over_seeds():
  rows = claim_figures.id_rows({"a": [{"ids": 2.0}, {"ids": 4.0}]})
  assert rows == [{"arm": "a", "ids": 3.0}]


def made_up(seed: int):
  """Hits of one seed at two beams."""
  rng = np.random.default_rng(seed)
  return {
    kind: {
      name: rng.random((12, 2)) < 0.5
      for name in ("id", "item", "named", "popular")
    }
    for kind in ("semantic", "personalised")
  }


def test_a_beam_that_is_never_wide_enough_is_none():
  hits = {"base": [made_up(0)], "arm": [made_up(0)]}
  hits["base"][0]["semantic"]["id"] = np.ones((12, 2), bool)
  hits["arm"][0]["semantic"]["id"] = np.zeros((12, 2), bool)
  rows = list(claim_figures.width_rows(hits, np.arange(12), beams=(1, 10)))
  (row,) = [
    r
    for r in rows
    if (r["requests"], r["level"], r["arm"]) == ("semantic", "id", "arm")
  ]
  assert (row["value"], row["low"], row["high"]) == (None, None, None)


def test_rows_hold_the_plain_means():
  hits = {name: [made_up(s), made_up(s + 9)] for s, name in enumerate("ab")}
  for row in claim_figures.hit_rows(hits, np.arange(12), beams=(1, 10)):
    place = (1, 10).index(row["beam"])
    values = [
      one[row["requests"]][row["level"]][:, place] for one in hits[row["arm"]]
    ]
    assert row["value"] == pytest.approx(np.mean(values))
