"""Users of a made-up shop: four interests each, whose weights drift."""

import dataclasses

import numpy as np

from gr_jax.data.catalogue import object_array
from gr_jax.data.worlds.shop_config import ShopWorldConfig

INTERESTS = 4
_GENDERS = ("female", "male", "other")
_AGES = ("18-24", "25-34", "35-44", "45-54", "55+")


@dataclasses.dataclass(frozen=True)
class ShopUsers:
  """U users over P periods.

  Attributes:
    clusters: `[U, 4]` int32, the sub-clusters that a user likes.
    weights: `[U, P, 4]` float32, how much in each period; sums to 1.
    activity: `[U]` float64, share of the requests; sums to 1.
    profiles: `[U]` object, tuples such as ("gender=female", "age=25-34").
  """

  clusters: np.ndarray
  weights: np.ndarray
  activity: np.ndarray
  profiles: np.ndarray

  def interest(
    self, user: np.ndarray, period: np.ndarray, centres: np.ndarray
  ) -> np.ndarray:
    """Returns sum_k weights[u, p, k] centres[clusters[u, k]], `[R, D]`."""
    return np.einsum(
      "rk,rkd->rd", self.weights[user, period], centres[self.clusters[user]]
    )


def make_users(
  rng: np.random.Generator, config: ShopWorldConfig, cluster_mass: np.ndarray
) -> ShopUsers:
  """Draws users; gender and age shift the categories that they like.

  The weights start as Dirichlet(1) and walk: their logarithms take a normal
  step of size `drift` each period.

  Args:
    rng: The generator that draws them.
    config: The numbers of users and periods, and the drift.
    cluster_mass: The popularity `[C]` of each sub-cluster, the prior of
      interests.
  """
  num_users, num_categories = config.num_users, config.num_categories
  gender = rng.integers(0, len(_GENDERS), num_users)
  age = rng.integers(0, len(_AGES), num_users)
  taste = 0.7 * (
    rng.normal(size=(len(_GENDERS), 1, num_categories))
    + rng.normal(size=(1, len(_AGES), num_categories))
  )
  taste = np.repeat(taste, config.clusters_each, axis=2)
  group_mass = cluster_mass * np.exp(taste)
  cumulative = np.cumsum(group_mass, axis=2)
  clusters = np.empty((num_users, INTERESTS), np.int32)
  for g in range(len(_GENDERS)):
    for a in range(len(_AGES)):
      rows = np.flatnonzero((gender == g) & (age == a))
      draws = rng.random((len(rows), INTERESTS)) * cumulative[g, a, -1]
      clusters[rows] = np.searchsorted(cumulative[g, a], draws)
  start = np.log(rng.dirichlet(np.ones(INTERESTS), num_users) + 1e-6)
  steps = rng.normal(size=(num_users, config.num_periods, INTERESTS))
  steps *= config.drift
  steps[:, 0] = start
  weights = np.exp(np.cumsum(steps, axis=1))
  activity = rng.gamma(1.0, size=num_users) + 0.1
  return ShopUsers(
    clusters=clusters,
    weights=(weights / weights.sum(2, keepdims=True)).astype(np.float32),
    activity=activity / activity.sum(),
    profiles=object_array(
      [
        (f"gender={_GENDERS[g]}", f"age={_AGES[a]}")
        for g, a in zip(gender.tolist(), age.tolist())
      ]
    ),
  )
