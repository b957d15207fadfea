import numpy as np

from gr_jax.rl.objective_config import all_groups


def test_every_group_with_a_member_counts():
  where = np.array([[True, False], [False, False]])
  found = all_groups(np.zeros((2, 2)), where=where)
  np.testing.assert_array_equal(found, [True, False])
