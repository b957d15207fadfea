"""Histories and the items that they are ranked for, packed into rows.

A row has `S` places and several users, each in consecutive places that begin at
a multiple of the block size, so that a block has one user: what is computed in
vain is the rest of a user's last block and of the row, no more. A user is
`[context tokens, events oldest first]`; the targets of all its requests stand
beside the row, so that none is in anybody's history.

Every array has the shape that its comment names; `R` rows, `T` targets a row,
`K` tasks. Times are seconds from one origin of the whole log.
"""

from typing import Any

from flax import struct

Array = Any
"""Of NumPy on the host, of JAX inside a step."""


@struct.dataclass
class History:
  """Places of rows.

  Attributes:
    items: `[R, S]` int32 catalogue rows; -1 at context tokens and where the
      place is empty.
    actions: `[R, S]` int32, what the user did to the item; 0 = not known.
    times: `[R, S]` int32.
    context: `[R, S]` int32 row of the table of contextual tokens, -1 = none.
    owners: `[R, S]` int32, the user of the place counted within the row, -1 =
      empty.
    places: `[R, S]` int32, the place within the user: its context tokens first,
      then its events, oldest first; 0 where empty.
  """

  items: Array
  actions: Array
  times: Array
  context: Array
  owners: Array
  places: Array


@struct.dataclass
class Targets:
  """Items to be scored, each for one user of its row.

  Attributes:
    items: `[R, T]` int32 catalogue rows, -1 = empty.
    times: `[R, T]` int32, when they were shown.
    owners: `[R, T]` int32 users counted within the row, -1 = empty.
    seen: `[R, T]` int32, the number of the user's places that came before the
      request, context tokens included: it reads places below `seen` alone.
    labels: `[R, T, K]` float32 in [0, 1].
    weights: `[R, T, K]` float32, 0 = the label is not known.
  """

  items: Array
  times: Array
  owners: Array
  seen: Array
  labels: Array
  weights: Array


@struct.dataclass
class RankingBatch:
  """What a step of training reads.

  Attributes:
    history: places of rows.
    targets: what is scored.
    kept: `[R, S']` int32 places of the row that outlive attention truncation
      (context tokens and each user's newest `L'` events, again in whole blocks
      a user), -1 = empty; None where nothing is cut off.
  """

  history: History
  targets: Targets
  kept: Array | None = None
