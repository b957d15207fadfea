"""Batches of host rows: endless epochs to train on, padded ones to evaluate."""

import math
import typing
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

if typing.TYPE_CHECKING:
  import grain

# As good as endless; grain's own endless repeat overflows with batches of one.
_EPOCHS = 1_000_000
_BATCHES = 100_000_000


def power_of_two(least: float) -> int:
  """The least one from `least` on: few shapes for many sizes."""
  return 1 << max(math.ceil(least) - 1, 0).bit_length()


def epochs(
  write: Callable[[np.ndarray, np.random.Generator], Any],
  count: int,
  *,
  batch_size: int,
  seed: int,
) -> "grain.IterDataset":
  """Yields endless batches, shuffled anew every epoch, alike on every host.

  The iterator's state is the number of batches that were taken: saved with the
  parameters, training goes on at the exact next batch, on as many hosts as
  there are then. For that each host writes whole batches, of which it places
  its own rows on its devices (`parallel.mesh.put_batch`): a batch's generator
  draws for all rows together, and dealing rows out would make what is learned
  depend on the number of hosts. A row costs 0.07 (targets) to 0.3 ms (pages) of
  a core of an EPYC, while the step before it runs: a thousand rows are no load,
  ten thousand a step would be.

  Args:
    write: Makes a batch from the examples' numbers `[B]` in `range(count)` and
      a generator that belongs to this batch alone.
    count: The number of examples in an epoch.
    batch_size: The number of examples per step, over all hosts.
    seed: The seed of the shuffling and of the generators.
  """
  # Imported late: a server pads batches and never trains.
  import grain

  return (
    grain.MapDataset.range(count)
    .seed(seed)
    .shuffle()
    # All of it: grain seeds a link by its place in the chain, and this link
    # keeps what earlier runs drew.
    .repeat(_EPOCHS)[:]
    .batch(batch_size)
    .random_map(write)
    .to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=4))
  )


def numbered_batches(make: Callable[[int], Any]) -> "grain.IterDataset":
  """Batches `make(0)`, `make(1)`, ..., made while the step before runs.

  The iterator's state is the number of batches that were taken: a run that goes
  on from a checkpoint goes on at the exact next batch.
  """
  # Imported late, as above.
  import grain

  return (
    grain.MapDataset.range(_BATCHES)
    .map(make)
    .to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=2))
  )


def padded_batches(tree: Any, size: int) -> Iterator[Any]:
  """Yields batches of `size` rows each, so that one shape is compiled.

  The results of the batches, one behind the other, begin with those of the
  rows themselves: cut what was computed at their number.
  """
  rows = len(jax.tree.leaves(tree)[0])
  for start in range(0, rows, size):
    piece = slice(start, start + size)
    yield pad_rows(jax.tree.map(lambda x, piece=piece: x[piece], tree), size)


def pad_rows(tree: Any, size: int) -> Any:
  """Fills arrays of 1 to `size` rows up with copies of their first row."""
  rows = len(jax.tree.leaves(tree)[0])
  if rows == size:
    return tree
  chosen = np.concatenate((np.arange(rows), np.zeros(size - rows, int)))
  return jax.tree.map(lambda x: x[chosen], tree)
