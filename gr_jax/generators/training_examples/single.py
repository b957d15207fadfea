"""Training examples: one prompt, several targets of what followed it.

Requests that share a user and a history (a basket and the searches it
answered) form a group. A row of a batch is one group: its prompt, and up to
`P` of its (query, item) targets, sampled anew each time the group comes up.
"""

import dataclasses

import grain
import numpy as np
from flax import struct

from gr_jax.data.batches import epochs
from gr_jax.data.requests import CLICKED, Requests
from gr_jax.generators.priors.left_out import FutureEvents, LeftOut
from gr_jax.generators.prompts.writer import Prompt, PromptWriter
from gr_jax.generators.training_examples.text_queries import TextQueries

# Turns are whole numbers: those of the newest group where `recency` counts.
NEWEST_TURNS = 32


@struct.dataclass
class Examples:
  """One batch.

  Attributes:
    prompt: the prompts of `B` rows.
    queries: `[B, P, Wq]` tokens.
    codes: `[B, P, L]`.
    mask: `[B, P]`, False where a group has fewer than `P` targets.
    left_out: what each row leaves out of the counts; None where the generator
      reads none.
    values: `[B, P]` float32, what each target was worth; None where no task
      reads it.
    weights: `[B, P]` float32, of the targets; None likewise.
  """

  prompt: Prompt
  queries: np.ndarray
  codes: np.ndarray
  mask: np.ndarray
  left_out: LeftOut | None = None
  values: np.ndarray | None = None
  weights: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class ExamplesConfig:
  """The sampling of batches.

  Attributes:
    batch_size: groups per batch `B`, over all hosts.
    targets: targets per group `P`.
    hidden_share: share of groups whose profile and history are hidden, so
      that requests of strangers are learned too.
    recency: a group with `n` later groups of its user comes up
      `(1 + n)^-recency` as often as the newest; 0 = all alike. The requests to
      come follow the newest group of each user, once.
    text_share: share of targets whose query is words of the target's own text
      (`TextQueries`), so that words are learned that no query has.
    seed: the seed of the shuffling and of the samples.
  """

  batch_size: int = 64
  targets: int = 8
  hidden_share: float = 0.15
  recency: float = 0.0
  text_share: float = 0.0
  seed: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class TargetGroups:
  """(request, item) pairs by group.

  Attributes:
    offsets: `[G + 1]` into the pairs.
    request: `[n]` request rows.
    item: `[n]` catalogue rows.
    value: `[n]` float32, what each was worth (`valued.with_values`), or None.
    weight: `[n]` float32, how much each counts, or None.
  """

  offsets: np.ndarray
  request: np.ndarray
  item: np.ndarray
  value: np.ndarray | None = None
  weight: np.ndarray | None = None

  def __len__(self) -> int:
    return len(self.offsets) - 1


def group_targets(requests: Requests, *, split: int) -> TargetGroups:
  """Distinct clicked or ordered items of a split, by user and history."""
  request = requests.page_request
  kept = (requests.page_kind >= CLICKED) & (requests.split[request] == split)
  pairs = np.unique(
    np.stack((request[kept], requests.page_item[kept]), axis=1), axis=0
  )
  if not len(pairs):
    raise ValueError(
      f"no clicked or ordered item in split {split}; there is nothing to learn."
    )
  request, item = pairs.T
  # A user without history and one with may share an offset: both are keys.
  key = np.stack((requests.user[request], requests.history_end[request]))
  order = np.lexsort((item, request, key[1], key[0]))
  changes = (np.diff(key[:, order], axis=1) != 0).any(axis=0)
  starts = np.flatnonzero(np.concatenate(([True], changes)))
  return TargetGroups(
    offsets=np.append(starts, len(order)),
    request=request[order],
    item=item[order],
  )


def _draw(
  groups: TargetGroups,
  rows: np.ndarray,
  targets: int,
  rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
  """Pairs `[B, P]` without repeats, and which of them are there."""
  begin, end = groups.offsets[rows], groups.offsets[rows + 1]
  size = end - begin
  width = max(targets, int(size.max()))
  keys = rng.random((len(rows), width), np.float32)
  keys[np.arange(width) >= size[:, None]] = 2
  chosen = np.argsort(keys, axis=1)[:, :targets]
  mask = np.arange(targets) < size[:, None]
  return np.where(mask, begin[:, None] + chosen, begin[:, None]), mask


def draw_examples(
  groups: TargetGroups,
  writer: PromptWriter,
  codes: np.ndarray,
  query: np.ndarray,
  rows: np.ndarray,
  rng: np.random.Generator,
  *,
  config: ExamplesConfig,
  future: FutureEvents | None = None,
  text_queries: TextQueries | None = None,
) -> Examples:
  """The batch of groups `rows`.

  Args:
    groups: all of them.
    writer: the writer of the prompts.
    codes: semantic IDs `[N, L]`.
    query: query row of every request.
    rows: groups `[B]`.
    rng: draws targets and who is hidden.
    config: sizes.
    future: what rows leave out of the counts; None without counts.
    text_queries: replaces some of the queries; None keeps them all.
  """
  pair, mask = _draw(groups, rows, config.targets, rng)
  request = groups.request[pair]
  shown = rng.random(len(rows)) >= config.hidden_share
  queries, item = writer.queries(query[request]), groups.item[pair]
  if text_queries is not None:
    queries = text_queries(queries, item, rng)
  return Examples(
    prompt=writer.prompts(request[:, 0], shown=shown, all_rows=request),
    queries=queries,
    codes=codes[item],
    mask=mask,
    left_out=future and future(request[:, 0]),
    values=None if groups.value is None else groups.value[pair],
    weights=None if groups.weight is None else groups.weight[pair],
  )


def recency_turns(user: np.ndarray, recency: float) -> np.ndarray:
  """Returns `NEWEST_TURNS (1 + n)^-recency` `[G]`, rounded, at least 1.

  Args:
    user: the user `[G]` of every group, ascending; the groups of a user are
      oldest first, and `n` is the number of those after a group.
    recency: as in `ExamplesConfig`.
  """
  later = np.searchsorted(user, user, side="right") - 1 - np.arange(len(user))
  turns = np.rint(NEWEST_TURNS * (1.0 + later) ** -recency)
  return np.maximum(turns, 1).astype(np.int64)


def training_examples(
  requests: Requests,
  groups: TargetGroups,
  writer: PromptWriter,
  codes: np.ndarray,
  *,
  config: ExamplesConfig,
  future: FutureEvents | None = None,
  text_queries: TextQueries | None = None,
) -> grain.IterDataset:
  """Endless batches, shuffled anew every epoch, the same on every host.

  In an epoch a group of `n` pairs comes up `ceil(n / P)` times, so that every
  pair is drawn about equally often, whatever the size of its basket. With
  `recency` this is `NEWEST_TURNS` times in an epoch for the newest groups.

  The iterator's state is one position: saved with the parameters, training
  goes on at the exact next batch.
  """
  turns = -(-np.diff(groups.offsets) // config.targets)
  if config.recency:
    user = requests.user[groups.request[groups.offsets[:-1]]]
    turns *= recency_turns(user, config.recency)
  group = np.repeat(np.arange(len(groups)), turns)

  def write(places: np.ndarray, rng: np.random.Generator) -> Examples:
    return draw_examples(
      groups,
      writer,
      codes,
      requests.query,
      group[places],
      rng,
      config=config,
      future=future,
      text_queries=text_queries,
    )

  return epochs(
    write, len(group), batch_size=config.batch_size, seed=config.seed
  )
