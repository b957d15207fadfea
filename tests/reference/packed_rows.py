"""Rows of made-up users, in whole blocks each."""

import numpy as np

from gr_jax.ranking.sequences import History, RankingBatch, Targets

ITEMS, ACTIONS, CONTEXT = 40, 4, 5


def packed_rows(
  sizes,
  *,
  targets=(),
  block=4,
  places=0,
  context=1,
  late=0,
  tasks=2,
  seed=0,
):
  """One row of users with `sizes` events each.

  Args:
    sizes: the number of events of each user.
    targets: the users of the targets, in any order.
    block: places of a block.
    places: places of the row, at least those that are needed.
    context: context tokens of each user.
    late: events that truncation keeps; 0 = no truncation.
    tasks: labels of a target.
    seed: the seed of items, actions, times and labels.
  """
  rng = np.random.default_rng(seed)
  spans = [-(-(context + size) // block) * block for size in sizes]
  S = max(places, sum(spans), block)
  row = {
    name: np.full(S, empty, np.int32)
    for name, empty in (
      ("items", -1), ("actions", 0), ("times", 0), ("context", -1),
      ("owners", -1), ("places", 0),
    )
  }  # fmt: skip
  begin, kept = 0, []
  for user, (size, span) in enumerate(zip(sizes, spans)):
    at = np.arange(begin, begin + context + size)
    row["owners"][at] = user
    row["places"][at] = np.arange(len(at))
    row["context"][at[:context]] = rng.integers(0, CONTEXT, context)
    events = at[context:]
    row["items"][events] = rng.integers(0, ITEMS, size)
    row["actions"][events] = rng.integers(0, ACTIONS, size)
    row["times"][events] = np.cumsum(rng.integers(1, 9999, size))
    mine = [*at[:context], *events[-late:]] if late else []
    kept += [*mine, *[-1] * (-len(mine) % block)]
    begin += span
  owners = np.array(targets, np.int32)
  T = len(owners)
  whole = np.array([context + size for size in sizes], np.int32)
  seen = np.array([rng.integers(context, whole[o] + 1) for o in owners])
  labels = rng.integers(0, 2, (T, tasks)).astype(np.float32)
  return RankingBatch(
    history=History(**{name: array[None] for name, array in row.items()}),
    targets=Targets(
      items=rng.integers(0, ITEMS, (1, T)).astype(np.int32),
      times=np.full((1, T), 10**8, np.int32),
      owners=owners[None],
      seen=seen.astype(np.int32).reshape(1, T),
      labels=labels[None],
      weights=np.ones((1, T, tasks), np.float32),
    ),
    kept=np.array(kept, np.int32)[None] if late else None,
  )
