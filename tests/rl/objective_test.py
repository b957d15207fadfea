import numpy as np

from gr_jax.rl.advantages import informative_groups
from gr_jax.rl.experts import Group
from gr_jax.rl.objective import group_weights
from gr_jax.rl.objective_config import AlignmentConfig
from gr_jax.rl.state import AlignmentBatch


def batch(rewards, sampled, positives):
  """Groups of two members and one positive, a code each."""
  sampled = np.asarray(sampled)
  shape = (*sampled.shape, 1)
  return AlignmentBatch(
    prompt=None,
    queries=None,
    group=Group(
      ids=np.zeros(shape[:2], np.int32),
      codes=np.zeros(shape, np.int32),
      where=np.ones(shape, bool),
      sampled=sampled,
    ),
    rewards=np.asarray(rewards, np.float32),
    positives=np.zeros((len(sampled), 1, 1), np.int32),
    positives_where=np.asarray(positives).reshape(-1, 1, 1),
  )


def test_each_mean_is_over_the_groups_that_have_its_members():
  example = batch(
    rewards=[[1, 0], [1, 1], [0, 1]],
    sampled=[[True, False], [False, False], [True, True]],
    positives=[True, False, False],
  )
  found = group_weights(example, AlignmentConfig())
  np.testing.assert_allclose(found.policy, [1 / 3] * 3)
  np.testing.assert_allclose(found.kl, [0.5, 0, 0.5])
  np.testing.assert_allclose(found.nll, [1, 0, 0])
  dropped = group_weights(example, AlignmentConfig(counted=informative_groups))
  np.testing.assert_allclose(dropped.policy, [0.5, 0, 0.5])


def test_a_mean_over_no_group_is_nothing():
  example = batch([[1, 1]], [[False, False]], [False])
  config = AlignmentConfig(counted=informative_groups)
  found = group_weights(example, config)
  assert found.policy.sum() == found.kl.sum() == found.nll.sum() == 0
