"""Prompts: rows, and splits of what they say."""

import numpy as np

from gr_jax.data.worlds.emoji.prompts import Prompts, splits_of


def every_pair(num_kinds: int, *, turned: bool) -> Prompts:
  """Two of one and one of another, for all pairs."""
  kinds = np.array(
    [(i, j) for i in range(num_kinds) for j in range(num_kinds) if i != j]
  )
  order = [1, 0] if turned else [0, 1]
  return Prompts(
    counts=np.tile([2, 1], (len(kinds), 1))[:, order],
    kinds=kinds[:, order],
    relation=np.zeros(len(kinds), int),
  )


def test_the_order_of_groups_does_not_change_the_split_but_the_seed_does():
  there, turned = (every_pair(12, turned=way) for way in (False, True))
  splits = splits_of(there, num_kinds=12, seed=0)
  np.testing.assert_array_equal(splits, splits_of(turned, num_kinds=12, seed=0))
  assert np.any(splits != splits_of(there, num_kinds=12, seed=1))
  assert set(splits) == {0, 1, 2}


def test_rows_keep_all_columns():
  prompts = every_pair(4, turned=False)
  few = prompts[np.array([5, 3])]
  assert len(few) == 2
  np.testing.assert_array_equal(few.kinds, prompts.kinds[[5, 3]])
  np.testing.assert_array_equal(few.relation, [0, 0])
