"""The network of a `ranker` section."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from gr_jax.nn.precision import dot_general
from gr_jax.ranking.event_embedding import EventsConfig
from gr_jax.ranking.transducer import TransducerConfig
from gr_jax.ranking.ultra_hstu import UltraHSTU, UltraHSTUConfig

_OF_NETWORK = ("events", "late_layers", "matches")


@dataclasses.dataclass(frozen=True)
class Tables:
  """What the data give of the network's sizes.

  Attributes:
    items: `N`.
    actions: rows of the table of actions, "unknown" among them.
    categories: rows of the table of each level.
  """

  items: int
  actions: int
  categories: tuple[int, ...]


def tables_of(categories: np.ndarray, actions: np.ndarray | None) -> Tables:
  """Those of a catalogue's categories `[N, levels]` and a log's actions."""
  return Tables(
    len(categories),
    1 if actions is None else int(actions.max(initial=0)) + 2,
    tuple(int(n) + 1 for n in categories.max(axis=0, initial=0)),
  )


def build_ranker(
  section: Mapping[str, Any], tables: Tables, *, precision: str = ""
) -> UltraHSTU:
  """The network.

  Args:
    section: as in `configs/ultra_hstu.py`.
    tables: sizes that follow from the data.
    precision: what its products multiply; "" = that of the section.
  """
  model = dict(section["model"])
  whole = {name: model.pop(name) for name in _OF_NETWORK}
  events = EventsConfig(
    tables.items,
    tables.actions,
    section["rows"]["context"],
    tables.categories,
    whole["events"],
  )
  sizes = UltraHSTUConfig(
    events,
    TransducerConfig(**model),
    whole["late_layers"],
    len(section["examples"]["tasks"]),
    matches=whole["matches"],
  )
  return UltraHSTU(sizes, dot_general(precision or section["precision"]))
