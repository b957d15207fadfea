"""The requests of the test period that an evaluation asks."""

import dataclasses
import functools

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
    requests: the table.
    rows: `[R]` of it.
  """

  kind: str
  requests: Requests
  rows: np.ndarray

  @property
  def shown(self) -> bool:
    """Whether profile and history are known."""
    return self.kind != "semantic"

  @property
  def asked(self) -> bool:
    """Whether there is a query."""
    return self.kind != "next_basket"

  @property
  def users(self) -> np.ndarray:
    return self.requests.user[self.rows]

  @functools.cached_property
  def histories(self) -> RowLists:
    return request_lists.histories(self.requests, self.rows)

  @functools.cached_property
  def seen(self) -> RowLists:
    return row_lists.distinct(self.histories)

  @functools.cached_property
  def targets(self) -> RowLists:
    return request_lists.targets(self.requests, self.rows)

  def prompts(self, writer: PromptWriter) -> tuple[Prompt, np.ndarray]:
    """Prompts and query tokens, as generators read them."""
    shown = np.full(len(self.rows), self.shown)
    return (
      writer.prompts(self.rows, shown=shown),
      writer.queries(self.requests.query[self.rows]),
    )

  def first(self, count: int) -> "EvalRequests":
    """The first `count` of them."""
    return EvalRequests(self.kind, self.requests, self.rows[:count])


def draw_eval_requests(
  requests: Requests, *, split: int, count: int, seed: int
) -> list[EvalRequests]:
  """Up to `count` requests of every kind that the data has.

  Semantic and personalised questions are the same requests, so that what the
  history adds can be told; where nobody has a history or a profile only the
  first are asked. Requests that led to no click or order are left
  out: nothing says what they should have found.
  """
  rng = np.random.default_rng(seed)
  drawn = {}
  for kind in ("search", "next_basket"):
    rows = requests.rows(split, kind)
    rows = rows[request_lists.targets(requests, rows).sizes > 0]
    drawn[kind] = rng.permutation(rows)[:count]
  kinds = {"semantic": drawn["search"]}
  if _known(requests, drawn["search"]):
    kinds["personalised"] = drawn["search"]
  kinds["next_basket"] = drawn["next_basket"]
  return [
    EvalRequests(kind, requests, rows)
    for kind, rows in kinds.items()
    if len(rows)
  ]


def _known(requests: Requests, rows: np.ndarray) -> bool:
  """Whether anything is known of anybody who asks."""
  users = requests.user[rows]
  histories = requests.history_end[rows] > requests.user_offsets[users]
  return bool(histories.any() or any(requests.profiles[users]))
