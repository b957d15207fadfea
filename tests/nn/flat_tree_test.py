"""Trees by their paths."""

import pytest

from gr_jax.nn.flat_tree import flatten, partition, unflatten, union

TREE = {"a": {"x": 1, "y": 2}, "b": {"c": {"x": 3}}}


def test_a_flat_tree_is_the_tree_again():
  flat = {("a", "x"): 1, ("a", "y"): 2, ("b", "c", "x"): 3}
  assert flatten(TREE) == flat
  assert unflatten(flat) == TREE


def test_parts_have_every_leaf_once_and_are_one_again():
  chosen, others = partition(TREE, lambda path: path[-1] == "x")
  assert chosen == {"a": {"x": 1}, "b": {"c": {"x": 3}}}
  assert others == {"a": {"y": 2}}
  assert union(chosen, others) == union(others, chosen) == TREE
  assert partition(TREE, lambda path: False) == ({}, TREE)


def test_a_leaf_that_is_in_both_is_named():
  with pytest.raises(ValueError, match=r"1 leaves .*'a', 'x'"):
    union(TREE, {"a": {"x": 5}})
