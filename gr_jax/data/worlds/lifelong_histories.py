r"""Histories of a lifetime, in which each event has a reason ([OURS]).

A user has an interest for life, which shows only among the `O` oldest events
(`lifelong_share` of them) and never again; a mid-term interest, which changes
after about `mid_events` events; and one of the session. Each is a sub-cluster
of items. An event is

  of the oldest part    lifelong with probability `lifelong_share`; otherwise
  mid-term, session or neither  with probabilities `mid_share`, `session_share`
                        and the rest, which is a random sub-cluster.

Lengths are log-normal, between `shortest` and `longest` events; `O` is
`oldest_share` of the length and at least `oldest_least`.
"""

import dataclasses

import numpy as np

from gr_jax.data.row_lists import offsets_of
from gr_jax.data.worlds.shop_items import ShopItems

_END = 1_700_000_000
_DAY = 86_400
_IN_SESSION, _BETWEEN = 30.0, 6 * 3600.0  # Mean seconds.


@dataclasses.dataclass(frozen=True)
class LifelongConfig:
  """The sizes of a shop and the strengths of its users' interests.

  Attributes:
    num_categories: Categories, each of `clusters_each` sub-clusters.
    median_events, tail: The median of a history's length, and the standard
      deviation of its logarithm.
    oldest_share, oldest_least: The oldest part, of which lifelong events are
      `lifelong_share`.
    mid_events, session_events: Mean events until an interest changes.
    mid_share, session_share: The shares of events that have these reasons.
    requests_each: Requests of a user, among the newest `request_events` events.
    page_size: Items of a page: as many of each of the three interests and of
      random sub-clusters.
    wanted: Shares of requests that want a lifelong item, a mid-term item and
      one of the session; they sum to 1.
    bias, strength: The logit of a click, and what is added to it for an item of
      the sub-cluster that a request wants.
    order_share: The probability that a click becomes an order.
  """

  num_items: int = 5_000
  num_users: int = 2_000
  num_categories: int = 10
  clusters_each: int = 10
  median_events: float = 500.0
  tail: float = 1.2
  shortest: int = 64
  longest: int = 100_000
  oldest_share: float = 0.1
  oldest_least: int = 16
  lifelong_share: float = 0.5
  mid_events: float = 400.0
  session_events: float = 8.0
  mid_share: float = 0.35
  session_share: float = 0.5
  requests_each: int = 10
  request_events: int = 512
  page_size: int = 8
  wanted: tuple[float, float, float] = (0.34, 0.33, 0.33)
  bias: float = -3.0
  strength: float = 4.0
  order_share: float = 0.3
  valid_share: float = 0.1
  test_share: float = 0.1

  def __post_init__(self):
    if min(self.wanted) < 0 or abs(sum(self.wanted) - 1) > 1e-6:
      raise ValueError(
        f"wanted ({tuple(self.wanted)}) must be shares that sum to 1."
      )
    if self.mid_share + self.session_share > 1:
      raise ValueError(
        f"mid_share ({self.mid_share}) and session_share "
        f"({self.session_share}) are more than all events."
      )
    least = 2 * max(self.oldest_least, self.requests_each)
    if self.shortest < least or not 0 <= self.oldest_share <= 0.5:
      raise ValueError(
        f"shortest ({self.shortest}) must be at least {least}, and "
        f"oldest_share ({self.oldest_share}) at most 0.5: requests come after "
        "the oldest part."
      )
    if self.longest < self.shortest:
      raise ValueError(
        f"longest ({self.longest}) is less than shortest ({self.shortest})."
      )


@dataclasses.dataclass(frozen=True)
class Histories:
  """E events of U users, a user's together, oldest first.

  Attributes:
    offsets: `[U + 1]` int64 into the events.
    oldest: `[U]` int64 events of the oldest part.
    lifelong: `[U]` int32 sub-clusters.
    mid: `[E]` int32, the mid-term interest at the event.
    session: `[E]` int32, the interest of the event's session.
    cluster: `[E]` int32, the sub-cluster of the event's item.
    item: `[E]` int32.
    time: `[E]` int64 unix seconds, at least 2 after the one before.
  """

  offsets: np.ndarray
  oldest: np.ndarray
  lifelong: np.ndarray
  mid: np.ndarray
  session: np.ndarray
  cluster: np.ndarray
  item: np.ndarray
  time: np.ndarray


def draw_histories(
  rng: np.random.Generator, config: LifelongConfig, items: ShopItems
) -> Histories:
  """Draws lengths, interests, items and times."""
  users = config.num_users
  lengths = np.exp(rng.normal(np.log(config.median_events), config.tail, users))
  lengths = np.clip(lengths, config.shortest, config.longest).astype(np.int64)
  oldest = (config.oldest_share * lengths).astype(np.int64)
  oldest = np.maximum(oldest, config.oldest_least)
  offsets = offsets_of(lengths)
  user, events = np.repeat(np.arange(users), lengths), int(offsets[-1])
  begins = np.zeros(events, bool)
  begins[offsets[:-1]] = True
  new_mid = begins | (rng.random(events) < 1 / config.mid_events)
  new_session = begins | (rng.random(events) < 1 / config.session_events)
  lifelong = draw_clusters(rng, items, users)
  mid = _until_changed(rng, items, new_mid)
  session = _until_changed(rng, items, new_session)
  draw = rng.random(events)
  late = config.mid_share + config.session_share
  cluster = np.select(
    [draw < config.mid_share, draw < late],
    [mid, session],
    draw_clusters(rng, items, events),
  )
  old = np.arange(events) - offsets[user] < oldest[user]
  planted = old & (rng.random(events) < config.lifelong_share)
  # Later it shows no more: such an event becomes one of a random sub-cluster.
  again = ~old & (cluster == lifelong[user])
  cluster = np.where(planted, lifelong[user], cluster)
  cluster[again] = other_clusters(rng, items, lifelong[user[again]])
  gap = 2 + rng.exponential(np.where(new_session, _BETWEEN, _IN_SESSION))
  passed = np.cumsum(gap.astype(np.int64))
  ends = _END - rng.integers(0, 30 * _DAY, users)
  time = passed + (ends - passed[offsets[1:] - 1])[user]
  return Histories(
    offsets, oldest, lifelong, mid, session, cluster.astype(np.int32),
    draw_items(rng, items, cluster), time,
  )  # fmt: skip


def draw_clusters(
  rng: np.random.Generator, items: ShopItems, n: int
) -> np.ndarray:
  """Draws sub-clusters `[n]` int32 that have an item."""
  some = np.unique(items.cluster)
  return some[rng.integers(0, len(some), n)].astype(np.int32)


def other_clusters(
  rng: np.random.Generator, items: ShopItems, clusters: np.ndarray
) -> np.ndarray:
  """Draws sub-clusters `[n]` int32, each another than `clusters` `[n]`."""
  some = np.unique(items.cluster)
  step = rng.integers(1, len(some), len(clusters))
  at = np.searchsorted(some, clusters)
  return some[(at + step) % len(some)].astype(np.int32)


def draw_items(
  rng: np.random.Generator, items: ShopItems, clusters: np.ndarray
) -> np.ndarray:
  """Draws items `[n]` int32 of sub-clusters `[n]`, by their popularity."""
  order = np.argsort(items.cluster, kind="stable")
  mass = np.append(0, np.cumsum(items.popularity[order]))
  starts = np.searchsorted(
    items.cluster[order], np.arange(len(items.centres) + 1)
  )
  begin, end = starts[clusters], starts[clusters + 1]
  draw = mass[begin] + (mass[end] - mass[begin]) * rng.random(len(clusters))
  rows = np.searchsorted(mass, draw, side="right") - 1
  return order[np.clip(rows, begin, end - 1)].astype(np.int32)


def _until_changed(
  rng: np.random.Generator, items: ShopItems, changes: np.ndarray
) -> np.ndarray:
  drawn = draw_clusters(rng, items, int(changes.sum()))
  return drawn[np.cumsum(changes) - 1]
