"""The requests of the test period that a run is evaluated on."""

import dataclasses
import functools
from typing import Protocol

import numpy as np

from gr_jax.data import request_lists, row_lists
from gr_jax.data.requests import Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.generators.prompts.writer import Prompt, PromptWriter


@dataclasses.dataclass(frozen=True)
class EvalRequests:
  """Requests of one kind.

  Attributes:
    kind: "semantic" (query only), "personalised" (query and history) or
      "next_basket" (history only).
    table: all requests of the data.
    rows: `[R]` rows of the table.
    available: the number of such requests that the split has, of which `rows`
      were drawn.
  """

  kind: str
  table: Requests
  rows: np.ndarray
  available: int

  @property
  def shows(self) -> set[str]:
    """What a ranker may read: "query", "history" or both."""
    shown = {"query": self.has_query, "history": self.shows_history}
    return {name for name, is_shown in shown.items() if is_shown}

  @property
  def shows_history(self) -> bool:
    """Whether profile and history are known."""
    return self.kind != "semantic"

  @property
  def has_query(self) -> bool:
    """Whether there is a query."""
    return self.kind != "next_basket"

  @property
  def users(self) -> np.ndarray:
    """`[R]` the user of every request."""
    return self.table.user[self.rows]

  @property
  def queries(self) -> np.ndarray:
    """`[R]` the query of every request, as a row of the queries."""
    return self.table.query[self.rows]

  @functools.cached_property
  def histories(self) -> RowLists:
    return request_lists.histories(self.table, self.rows)

  @functools.cached_property
  def ages(self) -> np.ndarray:
    """The time `[P]` from each purchase of the histories to its request."""
    table, rows = self.table, self.rows
    starts = table.user_offsets[table.user[rows]]
    times = row_lists.from_spans(
      table.event_time, starts, table.history_end[rows]
    )
    return table.time[rows][times.owners] - times.rows

  @functools.cached_property
  def seen(self) -> RowLists:
    return row_lists.distinct(self.histories)

  @functools.cached_property
  def targets(self) -> RowLists:
    return request_lists.targets(self.table, self.rows)

  def hidden(self, seen: str) -> RowLists | None:
    """The rows that no answer may hold; None where there are none.

    They are the request's own item (`Requests.own_item`) and, where `seen` is
    "out", those of its history.
    """
    own = self.table.own_item[self.rows]
    mine = RowLists(row_lists.offsets_of(own >= 0), own[own >= 0])
    if seen == "out":
      return row_lists.distinct(row_lists.joined(mine, self.seen))
    return mine if len(mine.rows) else None

  def relevant(self, hidden: RowLists | None) -> RowLists:
    """The targets without the rows `hidden`, which no answer may hold."""
    if hidden is None:
      return self.targets
    return row_lists.without(self.targets, hidden)

  def prompts(self, writer: PromptWriter) -> tuple[Prompt, np.ndarray]:
    """Prompts and query tokens, as generators read them."""
    shown = np.full(len(self.rows), self.shows_history)
    return (
      writer.prompts(self.rows, shown=shown),
      writer.queries(self.queries),
    )

  def first(self, count: int) -> "EvalRequests":
    """The first `count` requests; 0 = all of them."""
    return dataclasses.replace(self, rows=self.rows[: count or None])


class Rank(Protocol):
  """Ranks requests of one kind."""

  def __call__(
    self, requests: EvalRequests, /, *, k: int, exclude: RowLists | None
  ) -> np.ndarray:
    """`[R, k]` int32 catalogue rows, best first, -1 where none is left.

    Rows of `exclude` are taken out before the best k.
    """
    ...


def draw_eval_requests(
  requests: Requests, *, split: int, count: int, seed: int
) -> list[EvalRequests]:
  """Up to `count` requests of every kind that the data has; 0 = every one.

  The semantic and the personalised ones are the same requests, so that their
  difference is what the history adds; where nobody has a history or a profile
  there are only the semantic ones. Requests that led to no click or order are
  left out: nothing says what they should have found.
  """
  rng = np.random.default_rng(seed)
  drawn, available = {}, {}
  for kind in ("search", "next_basket"):
    rows = requests.rows(split, kind)
    rows = rows[request_lists.targets(requests, rows).sizes > 0]
    drawn[kind] = request_lists.sample(rows, count=count, rng=rng)
    available[kind] = len(rows)
  kinds = {"semantic": "search"}
  if _known(requests, drawn["search"]):
    kinds["personalised"] = "search"
  kinds["next_basket"] = "next_basket"
  return [
    EvalRequests(kind, requests, drawn[source], available[source])
    for kind, source in kinds.items()
    if len(drawn[source])
  ]


def _known(requests: Requests, rows: np.ndarray) -> bool:
  """Whether any of the users has a history or a profile."""
  users = requests.user[rows]
  histories = requests.history_end[rows] > requests.user_offsets[users]
  return bool(histories.any() or any(requests.profiles[users]))
