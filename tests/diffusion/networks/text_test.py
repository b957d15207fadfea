"""A text is a tree of rows: samplers and losses move it as they move arrays."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.reference.small_flow import ROWS, WIDE, inputs

TEXT = inputs()[2]


def test_all_that_it_holds_has_the_rows_of_the_batch():
  leaves = jax.tree.leaves(TEXT)
  assert len(leaves) == 3
  assert {len(leaf) for leaf in leaves} == {ROWS}


def test_a_row_goes_together():
  order = np.array([2, 0, 1])
  turned = jax.tree.map(lambda x: x[order], TEXT)
  np.testing.assert_array_equal(turned.pooled, TEXT.pooled[order])
  np.testing.assert_array_equal(turned.mask, TEXT.mask[order])
  row = jax.vmap(lambda text: jnp.sum(text.states[text.mask.argmax()]))(TEXT)
  np.testing.assert_allclose(row, TEXT.states[:, 0].sum(axis=-1), rtol=1e-5)


def test_it_passes_through_a_compiled_function_and_is_replaced_not_changed():
  found = jax.jit(lambda text: text.replace(pooled=text.pooled + 1))(TEXT)
  np.testing.assert_allclose(found.pooled, TEXT.pooled + 1)
  np.testing.assert_array_equal(found.states, TEXT.states)
  assert found.states.shape == (ROWS, 4, WIDE)
