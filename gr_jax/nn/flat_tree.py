"""Trees of parameters by the paths of their leaves."""

from collections.abc import Callable, Mapping
from typing import Any

from flax import traverse_util

Path = tuple[str, ...]
"""The keys on the way to a leaf."""


def flatten(tree: Mapping[str, Any]) -> dict[Path, Any]:
  """The leaves of a tree by their paths."""
  # Flax's types admit nodes without leaves, which no tree of ours has.
  return dict(traverse_util.flatten_dict(dict(tree)))


def unflatten(flat: Mapping[Path, Any]) -> dict[str, Any]:
  """The tree of leaves by their paths."""
  return traverse_util.unflatten_dict(dict(flat))


def partition(
  tree: Mapping[str, Any], chosen: Callable[[Path], bool]
) -> tuple[dict[str, Any], dict[str, Any]]:
  """The leaves whose paths are chosen, and the others, as two trees."""
  parts: tuple[dict, dict] = ({}, {})
  for path, value in flatten(tree).items():
    parts[not chosen(path)][path] = value
  first, second = map(unflatten, parts)
  return first, second


def union(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict:
  """One tree of two that share no leaf: the inverse of `partition`.

  Raises:
    ValueError: a leaf is in both.
  """
  flat, other = flatten(first), flatten(second)
  if both := flat.keys() & other.keys():
    raise ValueError(
      f"{len(both)} leaves are in both trees, among them {min(both)}."
    )
  return unflatten(flat | other)
