import numpy as np

from experiments.studies.genrec_figures import columns, compared


def one(hits, invalid=0.5):
  """Of four requests, equal at all cutoffs."""
  column = np.asarray(hits, bool)[:, None]
  return {
    "hits": np.repeat(column, 3, axis=1),
    "invalid": np.full(4, invalid),
  }


FOUND = {
  "base": [one([1, 0, 0, 0], 0.4), one([1, 1, 0, 0], 0.4)],
  "arm": [one([1, 1, 0, 0], 0.2), one([1, 1, 1, 0], 0.2)],
}
USERS = np.arange(4)


def test_differences_are_per_request_and_relative_to_the_baseline():
  rows = compared([("arm", "base")], FOUND, USERS)
  found = {row["metric"]: row for row in rows}
  assert found["hit_rate@10"]["value"] == 5 / 8
  assert found["hit_rate@10"]["difference"] == 2 / 8
  np.testing.assert_allclose(found["hit_rate@10"]["relative"], 2 / 3)
  np.testing.assert_allclose(found["hallucination"]["relative"], -0.5)
  assert found["hallucination"]["agreeing"] == 2


def test_pairs_that_were_not_run_are_left_out():
  assert compared([("arm", "absent"), ("absent", "base")], FOUND, USERS) == []


def test_rewards_are_columns_where_all_seeds_have_them():
  assert "true_reward" not in columns(FOUND["arm"])
  told = [x | {"true_reward": np.ones(4)} for x in FOUND["arm"]]
  assert columns(told)["true_reward"].shape == (2, 4)
