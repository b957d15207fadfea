"""Members without a choice are absent."""

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.rl.scored_group import Group, ScoredGroup

# Two groups of three: whole, ended after one choice, absent; then all absent.
WHERE = jnp.array(
  [
    [[True, True], [True, False], [False, False]],
    [[False, False], [False, False], [False, False]],
  ]
)
PRESENT = [[True, True, False], [False, False, False]]


def test_a_member_is_present_where_any_of_its_choices_counts():
  zeros = jnp.zeros(WHERE.shape)
  group = Group(zeros[..., 0], zeros, WHERE, WHERE[..., 0])
  scored = ScoredGroup(zeros, zeros, zeros[..., 0], WHERE, WHERE[..., 0])
  np.testing.assert_array_equal(group.present, PRESENT)
  np.testing.assert_array_equal(scored.present, PRESENT)


def test_a_batch_of_groups_is_its_groups_one_by_one():
  zeros = jnp.zeros(WHERE.shape)
  scored = ScoredGroup(zeros, zeros, zeros[..., 0], WHERE, WHERE[..., 0])
  assert scored.ref_log_probs is None
  found = jax.vmap(lambda group: group.present)(scored)
  np.testing.assert_array_equal(found, PRESENT)
