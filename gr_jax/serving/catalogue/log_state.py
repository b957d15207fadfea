"""What all changes of a log come to, for any tokenizer.

It is folded as the log is read, and on with each change, so that a start reads
the log once, a reload not at all, and a compaction writes what is there.
"""

import array
import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gr_jax.serving.catalogue.item_change import ItemChange, NewItem

_ITEMS = 500  # In a line of the state.
_UNSAID = object()


class LogState:
  """Folds changes, oldest first.

  Attributes:
    model: the fingerprint of the run that was reloaded last, if any was.
    removed: items that came after training and are gone, longest gone first.
  """

  def __init__(self, changes: Iterable[Mapping[str, Any]] = ()):
    self.model = ""
    self.removed: dict[str, None] = {}
    self._facts: dict[str, NewItem] = {}
    self._codes: dict[str, dict[str, tuple[int, ...]]] = {}  # By mark, by id.
    self._present: dict[str, bool] = {}
    self._stock: dict[str, bool] = {}
    self._paused: dict[str, bool] = {}
    self._prices: dict[str, float | None] = {}
    for change in changes:
      self.add(change)

  def add(self, change: Mapping[str, Any]) -> None:
    """Takes in one more record; what it leaves out stays as it was.

    Raises:
      ValueError: it is one of users' events.
    """
    if "events" in change or "leave" in change:
      raise ValueError("this is a log of events; give that of the items.")
    for stored in change.get("add", ()):
      self._add_item(NewItem(**stored), change["mark"])
    # Written by a compaction: the codes of each tokenizer there was.
    for mark, codes in change.get("codes", {}).items():
      known = self._codes.setdefault(mark, {})
      known |= {key: tuple(code) for key, code in codes.items()}
    for item_id in change.get("remove", ()):
      # The order of a dictionary is that in which items went.
      self._present.pop(item_id, None)
      self._present[item_id] = self._paused[item_id] = False
      if any(item_id in codes for codes in self._codes.values()):
        self.removed.pop(item_id, None)
        self.removed[item_id] = None
    self._stock |= change.get("stock", {})
    self._paused |= change.get("paused", {})
    self._prices |= change.get("prices", {})
    for item_id in change.get("forget", ()):
      self._forget(item_id)
    self.model = change.get("model", self.model)

  def _add_item(self, item: NewItem, mark: str) -> None:
    item_id = item.item_id
    old = self._facts.get(item_id)
    if item.codes:
      # What was given first stays.
      codes = self._codes.setdefault(mark, {})
      codes.setdefault(item_id, tuple(item.codes))
    # A list of Python's own numbers takes four times as much.
    vector = array.array("d", item.vector) if item.vector else None
    self._facts[item_id] = item._replace(
      codes=None,
      category=item.category or (old.category if old else None),
      vector=vector or (old.vector if old else None),
      attributes=(
        old.attributes if old and item.attributes is None else item.attributes
      ),
      fields={**((old and old.fields) or {}), **(item.fields or {})} or None,
    )
    self.removed.pop(item_id, None)
    self._present.pop(item_id, None)
    self._present[item_id] = True
    self._stock[item_id] = item.in_stock
    self._prices[item_id] = item.price
    if item.paused is not None:
      self._paused[item_id] = item.paused

  def _forget(self, item_id: str) -> None:
    """Leaves nothing of an item but that it is gone.

    A run that was trained while it was there may have it.
    """
    self.removed.pop(item_id, None)
    for known in (
      *(self._facts, self._stock, self._prices),
      *self._codes.values(),
    ):
      known.pop(item_id, None)

  def ids(self, mark: str) -> int:
    """The number of items that were given codes of a tokenizer."""
    return len(self._codes.get(mark, ()))

  def change(self, mark: str) -> ItemChange:
    """All as one change; items in order of appearance.

    Args:
      mark: the mark of a tokenizer; codes of others are left out.
    """
    codes = self._codes.get(mark, {})
    facts = [
      item._replace(
        codes=codes.get(item.item_id),
        vector=tuple(item.vector) if item.vector else None,
      )
      for item in self._facts.values()
    ]
    return ItemChange(
      facts,
      list(self._gone()),
      dict(self._stock),
      dict(self._paused),
      dict(self._prices),
    )

  def _gone(self) -> Iterator[str]:
    return (item_id for item_id, here in self._present.items() if not here)

  def copied(self) -> "LogState":
    """A copy that goes on by itself."""
    new = copy.copy(self)
    for name, value in vars(self).items():
      if isinstance(value, dict):
        setattr(new, name, value.copy())
    new._codes = {mark: codes.copy() for mark, codes in self._codes.items()}
    return new

  def records(self) -> Iterator[dict[str, Any]]:
    """Records that fold to this state."""
    for facts in _parts(self._facts.values()):
      names = [item.item_id for item in facts]
      yield {
        "mark": "",
        "add": [_stored(item) for item in facts],
        "codes": {
          mark: {key: codes[key] for key in names if key in codes}
          for mark, codes in self._codes.items()
        },
      }
    for names in _parts(self._gone()):
      yield {"remove": names}
    for kind, values in (
      ("stock", self._said("in_stock", self._stock)),
      ("paused", self._said("paused", self._paused)),
      ("prices", self._said("price", self._prices)),
    ):
      for part in _parts(values):
        yield {kind: dict(part)}
    if self.model:
      yield {"model": self.model}

  def _said(
    self, name: str, values: Mapping[str, Any]
  ) -> Iterator[tuple[str, Any]]:
    """Values that items and removals do not say."""
    for item_id, value in values.items():
      item = self._facts.get(item_id)
      known = _UNSAID if item is None else getattr(item, name)
      if name == "paused" and not self._present.get(item_id, True):
        known = False  # To remove an item ends its pause.
      if known != value:
        yield item_id, value


def _stored(item: NewItem) -> dict[str, Any]:
  facts = {k: v for k, v in item._asdict().items() if v is not None}
  if item.vector is not None:
    facts["vector"] = list(item.vector)
  return facts


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
  values = iter(values)
  while part := list(itertools.islice(values, _ITEMS)):
    yield part
