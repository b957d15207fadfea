"""Parts of a batch hold each row once."""

import numpy as np
import pytest

from gr_jax.training.micro_batches import join_batch, split_batch


def test_parts_take_turns_and_join_to_the_batch():
  batch = {"x": np.arange(12).reshape(6, 2), "y": np.arange(6)}
  parts = split_batch(batch, 3)
  assert parts["x"].shape == (3, 2, 2)
  # Rows that lie side by side on a device are in different parts.
  np.testing.assert_array_equal(parts["y"], [[0, 3], [1, 4], [2, 5]])
  joined = join_batch(parts)
  np.testing.assert_array_equal(joined["x"], batch["x"])
  np.testing.assert_array_equal(joined["y"], batch["y"])


def test_a_batch_that_does_not_divide_is_refused():
  with pytest.raises(ValueError, match=r"8 rows .* 3 micro-batches; .* of 3"):
    split_batch(np.zeros(8), 3)
