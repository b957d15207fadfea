import numpy as np
import pytest

from experiments.studies.gr4ad import VARIANTS
from experiments.studies.gr4ad_paper import CLAIMS
from tests.reference.small_studies import run_small


def test_claims_are_of_variants_that_exist():
  for claim in CLAIMS:
    assert claim.arm in VARIANTS
    assert claim.baseline in {"", *VARIANTS}


@pytest.mark.slow
def test_all_arms_earn_a_share_of_what_the_best_ten_would():
  record, _, _ = run_small("gr4ad")
  rows = [r for r in record.rows if r["metric"] == "revenue@10"]
  assert {r["arm"] for r in rows} == {"vsl", "rspo", "progressive"}
  assert all(0 < r["value"] < 1 for r in rows)


@pytest.mark.slow
def test_values_are_noted_with_how_far_they_are_off():
  record, _, _ = run_small("gr4ad")
  values = record.worlds["ads"]["values"]
  assert set(values) == {"vsl", "rspo"}
  assert np.isfinite(list(values["vsl"].values())).all()
