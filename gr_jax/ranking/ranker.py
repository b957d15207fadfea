"""A trained ranker: users are encoded once, candidates scored many times.

  ranker = load_ranker("runs/ultra_hstu-default")
  state = ranker.encode(ranker.history("1543"))
  ranker.score(state, ["957951", "847999"], now=state.newest)

A history is encoded with its newest events, as in training; what is scored
later reads the state that is kept. Products are in float32, whatever training
multiplied: a score does not depend on what is scored beside it, to 1e-6.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy.special import expit

from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import Requests
from gr_jax.ranking.batches import RowsConfig, empty_batch
from gr_jax.ranking.sequences import Targets
from gr_jax.ranking.ultra_hstu import Encoded, UltraHSTU

_TARGETS = (16, 128, 1024)
"""Targets of a compiled program; more are scored in parts of the last."""


class Events(NamedTuple):
  """Events of a user, oldest first.

  Attributes:
    items: `[E]` catalogue rows.
    actions: `[E]` as `Requests.event_action`; -1 = not known.
    times: `[E]` as `Requests.event_time`.
    user: the user's row in training; -1 = none that was trained on.
  """

  items: np.ndarray
  actions: np.ndarray
  times: np.ndarray
  user: int = -1


class State(NamedTuple):
  """What is kept of a user.

  Attributes:
    encoded: keys and values of every layer.
    places: their number, the context token among them.
    newest: the time of the newest event, as `Requests.event_time`; None without
      events.
  """

  encoded: tuple[Encoded, ...]
  places: int
  newest: int | None

  @property
  def size(self) -> int:
    """Bytes of it."""
    return sum(x.nbytes for x in jax.tree.leaves(self.encoded))


class Ranker:
  """Scores items for users.

  Args:
    model: the network.
    params: its parameters.
    catalogue: the items.
    section: the `ranker` section that it was trained by.
    origin: the time that is 0 to the network.
    log: what users did, for `history`; None = only histories that are given.

  Attributes:
    catalogue: the items.
    tasks: names of the labels whose probabilities are given.
  """

  def __init__(
    self,
    model: UltraHSTU,
    params: Any,
    catalogue: Catalogue,
    section: Mapping[str, Any],
    *,
    origin: int,
    log: Requests | None = None,
  ):
    self.catalogue, self.tasks = catalogue, tuple(section["examples"]["tasks"])
    self._params, self._origin, self._log = params, origin, log
    self._length = section["examples"]["length"]
    self._kept = section["rows"]["kept"] if model.config.late_layers else 0
    self._context = section["rows"]["context"]
    self._block = section["model"]["block"]
    self._actions = model.config.events.actions
    self._categories = catalogue.categories.astype(np.int32)
    self._run = {
      name: jax.jit(functools.partial(model.apply, method=name))
      for name in ("encode", "score")
    }

  @functools.cached_property
  def _places(self) -> list[int]:
    """Places of compiled programs, four times as many each."""
    most = -(-(1 + self._length) // self._block) * self._block
    found = [self._block]
    while found[-1] < most:
      found.append(min(4 * found[-1], most))
    return found

  def warm(self) -> None:
    """Compiles every program."""
    for places in self._places:
      events = min(places - 1, self._length)
      none = np.zeros(events, np.int64)
      state = self.encode(Events(none, none - 1, none + self._origin))
      for width in _TARGETS:
        self.score(state, np.zeros(width, np.int32), now=self._origin)

  @functools.cached_property
  def _rows(self) -> dict[str, int]:
    return {name: row for row, name in enumerate(self.catalogue.item_ids)}

  @functools.cached_property
  def _users(self) -> dict[str, int]:
    assert self._log is not None
    return {name: row for row, name in enumerate(self._log.user_ids)}

  def history(self, user_id: str, *, before: int | None = None) -> Events:
    """What a user of the run's log did, before a time if one is given.

    Raises:
      KeyError: the log does not know the user.
    """
    if self._log is None:
      raise KeyError(user_id)
    user, log = self._users[user_id], self._log
    begin, end = log.user_offsets[user : user + 2]
    if before is not None:
      end = begin + np.searchsorted(log.event_time[begin:end], before)
    some = slice(begin, end)
    action = log.event_action
    return Events(
      log.event_item[some],
      np.full(end - begin, -1) if action is None else action[some],
      log.event_time[some],
      user,
    )

  def events(self, given: Sequence[tuple[str, int, int]]) -> Events:
    """Events of ids, actions and times; of unknown items there are none."""
    known = [
      (self._rows[item], action, time)
      for item, action, time in given
      if item in self._rows
    ]
    items, actions, times = np.array(known, np.int64).reshape(-1, 3).T
    return Events(items, actions, times)

  def user_row(self, user_id: str | None) -> int:
    """`Events.user` of an id; -1 where training did not know it."""
    return -1 if self._log is None else self._users.get(user_id or "", -1)

  def knows(self, item_id: str) -> bool:
    """Whether the catalogue has an item."""
    return item_id in self._rows

  def encode(self, events: Events) -> State:
    """The state of a user after the newest `length` of the events.

    Raises:
      ValueError: arrays of different lengths, or times that fall.
    """
    if not len(events.items) == len(events.actions) == len(events.times):
      raise ValueError(
        f"{len(events.items)} items, {len(events.actions)} actions and "
        f"{len(events.times)} times are no events; give as many of each."
      )
    if (np.diff(events.times) < 0).any():
      raise ValueError("the times of the events fall; sort them oldest first.")
    newest = slice(max(0, len(events.items) - self._length), None)
    items, actions, times = (each[newest] for each in events[:3])
    size = 1 + len(items)
    places = next(each for each in self._places if each >= size)
    kept = min(self._kept, self._length)
    batch = empty_batch(
      RowsConfig(
        rows=1, places=places, targets=1, block=self._block,
        context=self._context,
      ),
      tasks=len(self.tasks),
      kept=-(-(kept + 1) // self._block) * self._block if kept else 0,
    )  # fmt: skip
    history = batch.history
    history.owners[0, :size] = 0
    history.places[0, :size] = np.arange(size)
    if events.user >= 0:
      history.context[0, 0] = events.user % self._context
    history.items[0, 1:size] = items
    known = actions < self._actions - 1
    history.actions[0, 1:size] = np.where(known, actions, -1) + 1
    history.times[0, 1:size] = times - self._origin
    if batch.kept is not None:
      mine = [0, *range(max(1, size - kept), size)]
      batch.kept[0, : len(mine)] = mine
    encoded: Any = self._run["encode"](self._params, batch, self._categories)
    return State(encoded, size, int(times[-1]) if len(times) else None)

  def score(
    self, state: State, items: Sequence[str] | np.ndarray, *, now: int
  ) -> np.ndarray:
    """`[T, K]` probabilities of the tasks, each item by itself.

    Args:
      state: what `encode` gave of the user.
      items: ids, or catalogue rows `[T]`.
      now: the time, as `Requests.time`.

    Raises:
      KeyError: an id is unknown.
      ValueError: a time before the newest event.
    """
    if state.newest is not None and now < state.newest:
      raise ValueError(
        f"the time {now} is before the newest event, {state.newest}."
      )
    rows = items
    if not (isinstance(items, np.ndarray) and items.dtype.kind == "i"):
      rows = [self._rows[item] for item in items]
    rows = np.asarray(rows, np.int32)
    parts = range(0, len(rows), _TARGETS[-1])
    found = [
      self._scored(state, rows[i : i + _TARGETS[-1]], now) for i in parts
    ]
    return np.concatenate(found or [np.zeros((0, len(self.tasks)))])

  def _scored(self, state: State, rows: np.ndarray, now: int) -> np.ndarray:
    width = next(each for each in _TARGETS if each >= len(rows))
    targets = _targets(
      rows, width, now - self._origin, state.places, tasks=len(self.tasks)
    )
    logits = self._run["score"](
      self._params, state.encoded, targets, self._categories
    )
    return expit(np.asarray(logits[0, : len(rows)], np.float64))


def _targets(
  rows: np.ndarray, width: int, time: int, places: int, *, tasks: int
) -> Targets:
  def column(values: Any, empty: int) -> np.ndarray:
    found = np.full((1, width), empty, np.int32)
    found[0, : len(rows)] = values
    return found

  none = np.zeros((1, width, tasks), np.float32)
  return Targets(
    items=column(rows, -1), times=column(time, 0), owners=column(0, -1),
    seen=column(places, 0), labels=none, weights=none,
  )  # fmt: skip
