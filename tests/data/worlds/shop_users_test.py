"""Users: interests are weights that drift and follow the prior."""

import numpy as np

from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_users import make_users

MASS = np.array([0.0, 0.5, 0.3, 0.2])


def _users(drift: float):
  config = ShopWorldConfig(
    num_users=500, days=35, num_categories=2, clusters_each=2, drift=drift
  )
  return make_users(np.random.default_rng(0), config, MASS)


def test_weights_sum_to_one_and_drift_only_where_drift_is_set():
  users, still = _users(0.4), _users(0.0)
  for u in users, still:
    np.testing.assert_allclose(u.weights.sum(2), 1, rtol=1e-5)
  moved = np.abs(np.diff(users.weights, axis=1)).sum(2).mean(0)
  assert (moved > 0.05).all()
  np.testing.assert_allclose(np.diff(still.weights, axis=1), 0, atol=1e-6)


def test_interest_is_the_weighted_mean_of_the_centres():
  users = _users(0.4)
  centres = np.eye(4, dtype=np.float32)
  interest = users.interest(np.array([3, 3]), np.array([0, 5]), centres)
  expected = np.zeros((2, 4))
  for row, period in enumerate((0, 5)):
    np.add.at(expected[row], users.clusters[3], users.weights[3, period])
  np.testing.assert_allclose(interest, expected, rtol=1e-5)


def test_nobody_cares_for_a_cluster_without_items():
  users = _users(0.4)
  assert (users.clusters != 0).all()
  assert set(np.unique(users.clusters)) == {1, 2, 3}


def test_profiles_shift_the_interests():
  users = _users(0.4)
  groups = {}
  for profile, clusters in zip(users.profiles, users.clusters):
    groups.setdefault(profile, []).append((clusters >= 2).mean())
  means = [np.mean(group) for group in groups.values()]
  assert len(groups) == 15
  assert np.std(means) > 0.1
