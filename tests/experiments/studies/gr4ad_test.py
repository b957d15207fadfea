from typing import NamedTuple

import numpy as np
import pytest

from experiments.studies.gr4ad import VARIANTS, exchange_prompts
from experiments.studies.gr4ad_paper import CLAIMS
from tests.reference.small_studies import run_small


def test_claims_are_of_variants_that_exist():
  for claim in CLAIMS:
    assert claim.arm in VARIANTS
    assert claim.baseline in {"", *VARIANTS}


def test_four_rows_of_ten_read_the_prompt_beside_them():
  class Samples(NamedTuple):
    prompt: dict
    queries: np.ndarray

    def replace(self, **fields):
      return self._replace(**fields)

  rows = np.arange(13)
  found = exchange_prompts(Samples({"history": rows * 2}, rows * 3))
  read = [1, 0, 3, 2, 4, 5, 6, 7, 8, 9, 11, 10, 12]
  np.testing.assert_array_equal(found.queries, np.multiply(read, 3))
  np.testing.assert_array_equal(found.prompt["history"], np.multiply(read, 2))


@pytest.mark.slow
def test_all_arms_earn_a_share_of_what_the_best_ten_would():
  record, _, _ = run_small("gr4ad")
  rows = [r for r in record.rows if r["metric"] == "revenue@10"]
  assert {r["arm"] for r in rows} == {"lazy_6", "rspo", "progressive"}
  assert all(0 < r["value"] < 1 for r in rows)


@pytest.mark.slow
def test_values_are_noted_with_how_far_they_are_off():
  record, _, _ = run_small("gr4ad")
  values = record.worlds["ads"]["values"]
  assert set(values) == {"lazy_6", "rspo"}
  assert np.isfinite(list(values["lazy_6"].values())).all()
