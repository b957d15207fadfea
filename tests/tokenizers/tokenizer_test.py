"""Arrays of a tokenizer come back as they were written."""

import chex
import jax.numpy as jnp
import numpy as np

from gr_jax.tokenizers.tokenizer import load_arrays, save_arrays


def test_a_tree_of_arrays_comes_back_bit_for_bit(tmp_path):
  tree = {
    "codebooks": (jnp.array([[0.1, -3e38]]), jnp.zeros((0, 2))),
    "params": {"dense": {"kernel": jnp.arange(6, dtype=jnp.int32)}},
    "mask": jnp.array([True, False]),
  }
  save_arrays(tmp_path, tree)
  found = load_arrays(tmp_path)
  chex.assert_trees_all_equal_structs(found, tree)
  chex.assert_trees_all_equal(found, tree)
  chex.assert_trees_all_equal_shapes_and_dtypes(found, tree)


def test_more_than_ten_levels_keep_their_order(tmp_path):
  books = tuple(np.full(1, level, np.float32) for level in range(12))
  save_arrays(tmp_path, {"codebooks": books})
  found = load_arrays(tmp_path)["codebooks"]
  assert isinstance(found, tuple)
  assert [float(book[0]) for book in found] == list(range(12))
