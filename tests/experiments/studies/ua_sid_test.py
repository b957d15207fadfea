"""Copies differ in owner or type; arms see the same ads and known partners."""

import numpy as np
import pytest

from experiments.studies.claims import decide
from experiments.studies.ua_sid import gap_rows, id_figures
from experiments.studies.ua_sid_ads import AdsConfig, make_ads
from experiments.studies.ua_sid_arms import VARIANTS
from experiments.studies.ua_sid_paper import (
  CLAIMS,
  COLLIDES,
  GAP,
  PARTNER,
  RIGHT_AD,
)
from experiments.studies.variant import Variant
from tests.reference.small_studies import run_small


def test_a_share_of_the_ads_shows_what_another_shows():
  config = AdsConfig(ads=600, copies=0.3, accounts=10)
  ads = make_ads(config)
  _, content, counts = np.unique(
    ads.vectors, axis=0, return_inverse=True, return_counts=True
  )
  assert len(counts) == 420
  assert ads.known == 500
  content = content.reshape(-1)
  for one in np.flatnonzero(counts == 2):
    mine, other = ads.fields[content == one]
    assert mine[0] != other[0]
    # Another account or another type, not both.
    assert (mine[1:] != other[1:]).sum() == 1
  again = make_ads(config)
  np.testing.assert_array_equal(again.vectors, ads.vectors)
  assert (again.fields == ads.fields).all()


@pytest.mark.parametrize(
  "changes", [{"copies": 1.0}, {"accounts": 1}, {"conversions": 1}]
)
def test_copies_that_cannot_differ_are_refused(changes):
  with pytest.raises(ValueError, match="has another account or another type"):
    AdsConfig(**changes)


class FakeRun:
  """Codes of five ads, of which the last comes later."""

  class config:
    class tokenizer:
      levels = (2, 2, 4)

  variant = Variant(
    "fake",
    make=lambda run: (
      np.array([[0, 0, 1], [0, 0, 1], [1, 0, 2], [1, 1, 3]], np.int32),
      np.array([[1, 0, 2]], np.int32),
    ),
  )


def test_an_ad_collides_where_another_has_its_id():
  columns, notes = id_figures(FakeRun)
  assert columns[COLLIDES].tolist() == [1, 1, 1, 0, 1]
  assert columns[RIGHT_AD].tolist() == [0.5, 0.5, 0.5, 1, 0.5]
  assert notes["ids"]["items_per_id"] == pytest.approx(5 / 3)
  assert notes["ids"]["later_collide"] == 1
  assert notes["growth"]["changed"] == 0
  assert notes["sizes"]["spread"] == 2  # 3 ads and 1 at the second level.


def test_a_gap_is_above_0_only_where_intervals_are_apart():
  class World:
    pass

  def columns(share):
    hits = np.zeros(1000, np.float32)
    hits[: round(1000 * share)] = 1
    return {PARTNER: hits}

  found = {
    name: {seed: columns(share) for seed in range(3)}
    for name, share in (("raw", 0.1), ("cq_sid", 0.28), ("contrast", 0.3))
  }
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(
      "experiments.studies.ua_sid.users",
      lambda world: {"partner": np.arange(1000)},
    )
    rows = {row["baseline"]: row for row in gap_rows(World(), found)}
  assert rows.keys() == {"raw", "cq_sid"}
  assert all(row["metric"] == GAP for row in rows.values())
  assert 0.1 < rows["raw"]["value"] < 0.2
  assert rows["cq_sid"]["value"] < 0


def test_claims_name_variants_that_there_are():
  for claim in CLAIMS:
    assert {claim.arm, claim.baseline} <= {*VARIANTS, ""}


@pytest.mark.slow
def test_every_claim_is_decided_by_a_row_or_a_fact():
  record, _, _ = run_small("ua_sid")
  verdicts = [row["verdict"] for row in decide(CLAIMS, record)]
  assert len(verdicts) == len(CLAIMS)
  assert set(verdicts) <= {"met", "missed"}
