"""The contract of a source of candidates."""

from typing import Any, Protocol, Self

import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs, Proposed
from gr_jax.candidates.request_batch import RequestBatch


class Source(Protocol):
  """Something that is known of items, given a request.

  Attributes:
    names: the names of its `F` features.
  """

  @property
  def names(self) -> tuple[str, ...]: ...

  def measure(self, batch: RequestBatch, /) -> None:
    """Finds the units of its features on these training requests."""
    ...

  def propose(self, batch: RequestBatch, /) -> Proposed | None:
    """The items that this source would answer with; None without any."""
    ...

  def describe(self, batch: RequestBatch, pairs: Pairs, /) -> np.ndarray:
    """`[n, F]` float32, finite, the features of these pairs."""
    ...

  def state(self) -> dict[str, Any]:
    """What a log taught it: arrays, CSR matrices, numbers, texts and None."""
    ...

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts, /) -> Self:
    """The source of a `state`; `items` are those that it was fitted on."""
    ...

  def grown(self, items: ItemFacts, /) -> Self:
    """This source with the items behind its own, which nobody chose yet."""
    ...


class Unmeasured:
  """Features of units that no request has to tell."""

  def measure(self, batch: RequestBatch, /) -> None:
    del batch


class TaughtByLog:
  """A log taught all attributes."""

  def state(self) -> dict[str, Any]:
    return dict(vars(self))

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts, /) -> Self:
    del items
    found = cls.__new__(cls)
    vars(found).update(state)
    return found
