import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.generators.branch_mask import branch_mask, segment_mask


@pytest.mark.parametrize("hidden", [0, 2])
def test_mask_is_causal_inside_prompt_and_branch(hidden):
  prompt_mask = np.arange(3)[None] >= hidden
  mask = np.asarray(branch_mask(jnp.asarray(prompt_mask), 2, 2))[0]
  branch = {3: 0, 4: 0, 5: 1, 6: 1}
  for i, j in np.ndindex(7, 7):
    same = branch.get(j) is None or branch.get(j) == branch.get(i)
    there = j >= 3 or prompt_mask[0, j]
    assert mask[i, j] == (j <= i and same and there)


def test_segments_may_be_of_any_length_and_differ_by_row():
  prompt_mask = jnp.ones((2, 1), bool)
  segments = jnp.array([[1, 1, 2], [1, 2, 2]])
  mask = np.asarray(segment_mask(prompt_mask, segments))
  assert mask[:, :, 0].all()
  np.testing.assert_array_equal(mask[0, 2], [True, True, True, False])
  np.testing.assert_array_equal(mask[1, 2], [True, False, True, False])
  np.testing.assert_array_equal(mask[0, 3], [True, False, False, True])
