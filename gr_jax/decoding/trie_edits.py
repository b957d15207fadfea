"""IDs put into and taken out of the arrays of a trie, in numpy.

A change of `n` IDs touches at each depth at most `n` nodes. Their places are
found from the root down (adding) or from the leaves up (removing); what lies
behind them moves by the number of changes before it:

  offsets'[j] = offsets[j] ± #{changed children whose parent is before j}

Arrays keep their length: what is added pushes padding out, what is removed
lets padding in `[OURS]`.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from gr_jax.decoding.trie import Trie


class Places(NamedTuple):
  """Where `n` IDs are in a trie, or would be; per depth `1..L`, each `[n]`.

  Attributes:
    nodes: the node of the ID's prefix, or the one that it would push back.
    there: whether the prefix is in the trie.
  """

  nodes: tuple[np.ndarray, ...]
  there: tuple[np.ndarray, ...]


def locate(trie: Trie, ids: np.ndarray) -> Places:
  """Places of `ids` `[n, L]`, -1 after an early end, in a trie of numpy."""
  nodes = np.zeros(len(ids), np.int64)
  there = np.ones(len(ids), bool)
  found = Places((), ())
  for level, column in enumerate(ids.T):
    offsets = np.asarray(trie.offsets[level])
    first = offsets[nodes]
    # A prefix that is not there has no children.
    last = np.where(there, offsets.take(nodes + 1, mode="clip"), first)
    nodes, there = _find(trie, level, first, last, column)
    found = Places((*found.nodes, nodes), (*found.there, there))
  return found


def _find(
  trie: Trie,
  level: int,
  first: np.ndarray,
  last: np.ndarray,
  wanted: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Place of each wanted code among the children `[first, last)`, found or not.

  A binary search of all at once.
  """
  level_codes = np.asarray(trie.codes[level])

  def codes_at(children):
    codes = level_codes.take(children, mode="clip").astype(np.int32)
    # END sorts before the codes, as -1 does.
    return np.where(codes == trie.level_sizes[level], -1, codes)

  low, high = first.astype(np.int64), last.astype(np.int64)
  while (searching := low < high).any():
    middle = (low + high) // 2
    before = searching & (codes_at(middle) < wanted)
    low = np.where(before, middle + 1, low)
    high = np.where(searching & ~before, middle, high)
  return low, (low < last) & (codes_at(low) == wanted)


def insert_rows(trie: Trie, ids: np.ndarray, places: Places) -> Trie:
  """The trie with `ids` `[n, L]`, sorted, distinct and not in it yet.

  Args:
    trie: in numpy; has room for `n` more.
    ids: -1 after an early end.
    places: the places of `ids`.
  """
  offsets, codes = [], []
  first_of_prefix = np.zeros(len(ids), bool)
  first_of_prefix[:1] = True
  nodes = np.zeros(len(ids), np.int64)
  there, new = np.ones(len(ids), bool), np.zeros(len(ids), bool)
  for level, column in enumerate(ids.T):
    first_of_prefix[1:] |= column[1:] != column[:-1]
    # Numbers of the parents when the new ones among them are counted.
    parents = nodes + np.cumsum(new) - ~there
    offset = np.asarray(trie.offsets[level])
    grown = _insert(offset, nodes[new], offset[nodes[new]])
    nodes, there = places.nodes[level], places.there[level]
    new = ~there & first_of_prefix
    offsets.append(_shift(grown, parents[new], 1))
    code = np.where(column < 0, trie.level_sizes[level], column)
    old_codes = np.asarray(trie.codes[level])
    codes.append(_insert(old_codes, nodes[new], code[new]))
  return dataclasses.replace(trie, offsets=tuple(offsets), codes=tuple(codes))


def remove_rows(trie: Trie, rows: np.ndarray) -> Trie:
  """The trie without the IDs of `rows` `[n]`, distinct and ascending."""
  offsets = [np.asarray(each) for each in trie.offsets]
  codes = [np.asarray(each) for each in trie.codes]
  gone = rows  # Nodes that go, of the depth below.
  for level in reversed(range(trie.num_levels)):
    offset = offsets[level]
    parents = np.searchsorted(offset, gone, side="right") - 1
    codes[level] = _delete(codes[level], gone, 0)
    shifted = _shift(offset, parents, -1)
    parents, lost = np.unique(parents, return_counts=True)
    gone = parents[lost == offset[parents + 1] - offset[parents]]
    # The root stays, with or without children.
    gone = gone if level else gone[:0]
    offsets[level] = _delete(shifted, gone, shifted[-1])
  return dataclasses.replace(trie, offsets=tuple(offsets), codes=tuple(codes))


def _insert(
  array: np.ndarray, places: np.ndarray, values: np.ndarray
) -> np.ndarray:
  return np.insert(array, places, values)[: len(array)]


def _delete(array: np.ndarray, places: np.ndarray, padding: int) -> np.ndarray:
  kept = np.delete(array, places)
  return np.pad(kept, (0, len(places)), constant_values=padding)


def _shift(offsets: np.ndarray, parents: np.ndarray, by: int) -> np.ndarray:
  """Adds `by` behind each of `parents`, ascending, repeats counted."""
  steps = np.arange(len(parents) + 1, dtype=offsets.dtype) * by
  bounds = np.concatenate(([0], parents + 1, [len(offsets)]))
  return offsets + np.repeat(steps, np.diff(bounds))
