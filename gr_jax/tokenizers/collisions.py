"""Policies on items with equal codes, at the fit and later.

Each policy makes `SemanticIds` of a fit, and codes new items into them: leave
the items together (CQ-SID), number them (TIGER), deal them into groups (CQ-SID,
Algorithm 1), move some of them (LC-Rec), or let every item have an ID of its
own from the start (DSI). No ID that was given out ever changes.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np

from gr_jax.tokenizers import quantizers, sinkhorn
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.tokenizers.suffix import (
  add_suffix,
  append_suffix,
  append_to_clusters,
  split_large_clusters,
)
from gr_jax.tokenizers.tokenizer import FitResult


@dataclasses.dataclass(frozen=True)
class CollisionPolicy:
  """A policy on items with equal codes.

  Attributes:
    resolve: (fit, popularity `[N]`) -> the IDs of the catalogue.
    append: (IDs, codes `[n, L]` from `Tokenizer.encode`) -> the IDs with new
      rows behind the old ones. Raises ValueError where there is no room.
  """

  resolve: Callable[[FitResult, np.ndarray], SemanticIds]
  append: Callable[[SemanticIds, np.ndarray], SemanticIds]


def _share(fitted: FitResult, popularity: np.ndarray) -> SemanticIds:
  """Items with equal codes share an ID (CQ-SID needs no uniqueness)."""
  del popularity
  return SemanticIds(fitted.codes, fitted.tokenizer.level_sizes)


def _suffix(fitted: FitResult, popularity: np.ndarray) -> SemanticIds:
  sizes = fitted.tokenizer.level_sizes
  return add_suffix(fitted.codes, sizes, priority=popularity)


def _split(fitted: FitResult, popularity: np.ndarray) -> SemanticIds:
  del popularity
  return split_large_clusters(fitted.codes, fitted.tokenizer.level_sizes)


def _reassign(fitted: FitResult, popularity: np.ndarray) -> SemanticIds:
  del popularity
  *above, last = fitted.codebooks
  known = quantizers.sum_codes(fitted.codes[:, :-1], above) if above else 0.0
  return sinkhorn.reassign(
    fitted.codes,
    fitted.tokenizer.level_sizes,
    residuals=fitted.latents - known,
    codebook=last,
  )


def _own(fitted: FitResult, popularity: np.ndarray) -> SemanticIds:
  ids = _share(fitted, popularity)
  if ids.num_ids < len(ids):
    raise ValueError(
      f"{len(ids)} items have only {ids.num_ids} different codes; "
      "tokenizer.collisions = 'next_free' needs a tokenizer that gives every "
      "item its own (dsi)."
    )
  return ids


def append_next_free(ids: SemanticIds, codes: np.ndarray) -> SemanticIds:
  """Gives each new item the next free ID behind its codes.

  IDs that go on behind codes `c_1 .. c_d` (-1 from there on) all do so with as
  many codes more; read as one number, the next is one above the largest. Where
  there is none above, the lowest that no item has is given (again).

  Args:
    ids: The IDs that were given out; none of them changes.
    codes: Codes `[n, L]` of new items, -1 from the first level on that is
      still to be chosen.

  Raises:
    ValueError: The codes behind a prefix are used up.
  """
  depths, known, new = (codes >= 0).sum(axis=1), {}, codes.copy()
  for row, depth in zip(new, depths.tolist()):
    prefix = tuple(row[:depth])
    if prefix not in known:
      sizes, numbers = _numbers(ids, prefix)
      known[prefix] = sizes, _free(numbers, math.prod(sizes))
    sizes, free = known[prefix]
    number = next(free, None)
    if number is None:
      raise ValueError(
        f"no room: all {math.prod(sizes)} IDs behind the codes "
        f"{list(map(int, prefix))} are given out; a new item needs a tokenizer "
        "that is fitted anew."
      )
    row[depth : depth + len(sizes)] = np.unravel_index(number, sizes)
  return ids.append(new)


def _numbers(
  ids: SemanticIds, prefix: tuple[int, ...]
) -> tuple[tuple[int, ...], np.ndarray]:
  """The sizes of the levels behind a prefix, and the numbers given there."""
  depth = len(prefix)
  behind = ids.codes[(ids.codes[:, :depth] == prefix).all(axis=1), depth:]
  width = (behind >= 0).sum(axis=1).max(initial=1)
  sizes = ids.level_sizes[depth : depth + int(width)]
  if not len(behind) or not sizes:
    return sizes, np.zeros(len(behind), np.int64)
  columns = tuple(behind[:, : len(sizes)].T)
  return sizes, np.asarray(np.ravel_multi_index(columns, sizes))


def _free(numbers: np.ndarray, room: int) -> Iterator[int]:
  largest = int(numbers.max(initial=-1))
  yield from range(largest + 1, room)
  yield from np.setdiff1d(np.arange(largest + 1), numbers).tolist()


COLLISIONS = {
  "clusters": CollisionPolicy(_share, SemanticIds.append),
  "suffix": CollisionPolicy(_suffix, append_suffix),
  "split": CollisionPolicy(_split, append_to_clusters),
  "sinkhorn": CollisionPolicy(_reassign, SemanticIds.append),
  "next_free": CollisionPolicy(_own, append_next_free),
}
