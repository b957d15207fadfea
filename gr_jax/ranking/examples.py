r"""Ranking examples: a user, a span of the history, the pages that follow it.

Pages of a user share an example while the events between them are few: each
reads the events before it (`Targets.seen`), so that a history is encoded once
for all of them. An example holds the newest `length` events before its newest
page. Its targets are the items of the pages; where a log holds no exposures,
`negatives` items are drawn for each that was taken, in proportion to how often
items were bought in the training period, so that popularity alone says nothing
`[OURS]`. The same draw belongs to an example in every epoch of a seed.
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gr_jax.choices import choose
from gr_jax.data.requests import CLICKED, ORDERED, TRAIN, Requests
from gr_jax.data.row_lists import offsets_of, span_places
from gr_jax.data.training_period import event_mask

# By name: the least kind of an entry that is a positive label.
TASKS: Mapping[str, int] = {"click": CLICKED, "order": ORDERED}


@dataclasses.dataclass(frozen=True)
class ExamplesConfig:
  """What examples hold.

  Attributes:
    length: the newest events that are read, `L`.
    targets: the most targets of an example.
    span: the most events between the oldest and the newest page of an example.
    negatives: items drawn for each that was taken.
    tasks: names of `TASKS`.
    seed: the seed of the draws.
  """

  length: int = 512
  targets: int = 32
  span: int = 128
  negatives: int = 0
  tasks: tuple[str, ...] = ("click",)
  seed: int = 0

  def __post_init__(self):
    for name, least in (
      ("length", 1), ("targets", 1), ("span", 0), ("negatives", 0),
    ):  # fmt: skip
      if getattr(self, name) < least:
        raise ValueError(
          f"examples.{name} ({getattr(self, name)}) must be at least {least}."
        )
    if not self.tasks:
      raise ValueError("examples.tasks is empty; name at least one task.")
    for task in self.tasks:
      choose("examples.tasks", task, TASKS)


class Pairs(NamedTuple):
  """Items to be scored, the pages of a request one after the other.

  Attributes:
    requests: `[n]` request rows.
    items: `[n]` catalogue rows.
    labels: `[n, K]` float32.
  """

  requests: np.ndarray
  items: np.ndarray
  labels: np.ndarray


class Examples(NamedTuple):
  """`E` examples; pairs of an example lie one behind the other.

  Attributes:
    user: `[E]`.
    begin: `[E]` the first event that is read.
    end: `[E]` the event behind the newest that is read.
    offsets: `[E + 1]` into the pairs.
    pairs: what is scored.
    seen: `[n]` events of the example that came before the pair's request.
  """

  user: np.ndarray
  begin: np.ndarray
  end: np.ndarray
  offsets: np.ndarray
  pairs: Pairs
  seen: np.ndarray


def page_pairs(
  requests: Requests, rows: np.ndarray, config: ExamplesConfig
) -> Pairs:
  """What is scored of requests `rows`, in their order."""
  pages = span_places(
    requests.page_offsets[rows], requests.page_offsets[rows + 1]
  )
  owner = rows[pages.owners]
  items, kinds = (
    requests.page_item[pages.rows],
    requests.page_kind[pages.rows],
  )
  if config.negatives:
    trained = requests.event_item[event_mask(requests)]
    taken = np.flatnonzero(kinds >= CLICKED)
    drawn = np.repeat(taken, config.negatives)
    rng = np.random.default_rng(config.seed)
    at = np.append(np.arange(len(items)), drawn)
    order = np.argsort(at, kind="stable")
    more = trained[rng.integers(0, max(len(trained), 1), len(drawn))]
    items = np.append(items, more)[order]
    kinds = np.append(kinds, np.zeros(len(drawn), kinds.dtype))[order]
    owner = owner[at[order]]
  least = np.array([TASKS[task] for task in config.tasks])
  labels = (kinds[:, None] >= least).astype(np.float32)
  return Pairs(owner, items.astype(np.int32), labels)


def make_examples(
  requests: Requests, config: ExamplesConfig, *, split: int = TRAIN
) -> Examples:
  """The examples of a split, those of a user oldest first.

  Queries are not read: a request with one is left out where its user has a
  request without one at that time, which holds its items. A page of more
  targets than an example may have is cut into pieces.
  """
  rows = np.flatnonzero(requests.split == split)
  moments = requests.user.astype(np.int64), requests.time
  _, moment = np.unique(
    moments[0] * (int(moments[1].max(initial=0)) + 1) + moments[1],
    return_inverse=True,
  )
  whole = np.isin(moment, moment[requests.query < 0])
  rows = rows[(requests.query[rows] < 0) | ~whole[rows]]
  rows = rows[
    np.lexsort((rows, requests.history_end[rows], requests.user[rows]))
  ]
  pairs = page_pairs(requests, rows, config)
  count = np.bincount(pairs.requests, minlength=len(requests))[rows]
  rows, count = _pieces(rows, count, most=config.targets)
  first = _firsts(
    requests.user[rows], requests.history_end[rows], count, config
  )
  last = np.append(first, len(rows))[1:] - 1
  user = requests.user[rows[first]]
  end = requests.history_end[rows[last]]
  begin = np.maximum(requests.user_offsets[user], end - config.length)
  example = np.repeat(np.arange(len(first)), last + 1 - first)
  seen = np.maximum(requests.history_end[rows] - begin[example], 0)
  return Examples(
    user=user,
    begin=begin,
    end=end,
    offsets=offsets_of(np.bincount(example, count, len(first)).astype(int)),
    pairs=pairs,
    seen=np.repeat(seen, count),
  )


def _pieces(
  rows: np.ndarray, count: np.ndarray, *, most: int
) -> tuple[np.ndarray, np.ndarray]:
  """Rows, each as often as it has pieces, and the targets of each piece."""
  pieces = -(-count // most)
  last = np.cumsum(pieces)[pieces > 0] - 1
  sizes = np.full(pieces.sum(), most)
  sizes[last] = (count - most * (pieces - 1))[pieces > 0]
  return np.repeat(rows, pieces), sizes


def _firsts(
  user: np.ndarray, end: np.ndarray, count: np.ndarray, config: ExamplesConfig
) -> np.ndarray:
  """The first request of each example, of sorted requests."""
  firsts, targets = [], 0
  for row in range(len(user)):
    at = firsts[-1] if firsts else 0
    if (
      not firsts
      or user[row] != user[at]
      or end[row] - end[at] > config.span
      or targets + count[row] > config.targets
    ):
      firsts.append(row)
      targets = 0
    targets += count[row]
  return np.array(firsts, np.int64)
