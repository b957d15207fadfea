r"""ULTRA-HSTU: long histories scored for many targets in one pass.

(arXiv 2602.16986.) Events carry their actions; places read semi-locally; after
`N1` layers attention truncation keeps the context tokens and the newest `L'`
events of each user, and `N2` layers go on with these; targets read all that is
there below `seen` in each layer, and never each other. A mixture of transducers
has one such stack for each stream of signals (what was consumed, what was
engaged with) and scores the targets by all of their outputs.

  logits = W [LN(t_1); ...; LN(t_M)] after the last layers, one per task

With "interleaved" events, full attention and no truncation it is HSTU's ranking
model (arXiv 2402.17152) without relative bias.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.nn.layers import DotGeneral, Linear
from gr_jax.ranking.event_embedding import (
  EVENTS,
  EventEmbedding,
  EventsConfig,
)
from gr_jax.ranking.matches import Matches
from gr_jax.ranking.sequences import History, RankingBatch, Targets
from gr_jax.ranking.transducer import (
  KeyValues,
  LayerNorm,
  Places,
  Transducer,
  TransducerConfig,
)


@dataclasses.dataclass(frozen=True)
class UltraHSTUConfig:
  """Sizes of the network.

  Attributes:
    events: the tables of the inputs.
    early: `N1` layers over all places.
    late_layers: `N2` layers over those that truncation keeps; 0 without it.
    tasks: the number of labels of a target, `K`.
    streams: the number of transducers.
    matches: tells targets what the history has of them (`ranking/matches.py`).
  """

  events: EventsConfig
  early: TransducerConfig
  late_layers: int = 0
  tasks: int = 1
  streams: int = 1
  matches: bool = False

  @property
  def late(self) -> TransducerConfig:
    return dataclasses.replace(self.early, layers=self.late_layers)

  @property
  def each(self) -> int:
    """The places of an event."""
    return EVENTS[self.events.events]


@struct.dataclass
class Encoded:
  """Histories as targets read them: the state that a server keeps.

  Attributes:
    history: the events, for the time since the newest.
    places: whose the places are.
    read: keys and values `[N1, R, S, H, h]` of the early layers.
    late_places: those that truncation kept; None without.
    late_read: keys and values `[N2, R, S', H, h]`.
  """

  history: History
  places: Places
  read: KeyValues
  late_places: Places | None = None
  late_read: KeyValues | None = None


class Stream(nn.Module):
  """One transducer: from histories and targets to states of the targets."""

  config: UltraHSTUConfig
  dot_general: DotGeneral = jax.lax.dot_general

  def setup(self):
    c = self.config
    self.embedding = EventEmbedding(c.events, c.early.width)
    self.early = Transducer(_widened(c.early, c.each), self.dot_general)
    if c.late_layers:
      self.late = Transducer(_widened(c.late, c.each), self.dot_general)
    if c.matches:
      self.matches = Matches(len(c.events.categories), c.early.width)
    self.norm = LayerNorm()

  def __call__(
    self, batch: RankingBatch, categories: jax.Array | None = None
  ) -> jax.Array:
    """`[R, T, D]` states of the targets."""
    encoded = self.encode(batch.history, batch.kept, categories)
    return self.score(encoded, batch.targets, categories)

  def encode(
    self,
    history: History,
    kept: jax.Array | None,
    categories: jax.Array | None = None,
  ) -> Encoded:
    """What targets need of histories; see `RankingBatch` for `kept`."""
    places = _places(history, self.config.each)
    x = self.embedding.of_places(history, categories)
    x, _, read = self.early(x, None, places, None)
    assert x is not None
    assert read is not None
    if not self.config.late_layers:
      return Encoded(history, places, read)
    late_places = places
    if kept is not None:
      at = _doubled(kept) if self.config.each == 2 else kept
      x, late_places = _truncated(x, places, at)
    _, _, late_read = self.late(x, None, late_places, None)
    return Encoded(history, places, read, late_places, late_read)

  def score(
    self,
    encoded: Encoded,
    targets: Targets,
    categories: jax.Array | None = None,
  ) -> jax.Array:
    """`[R, T, D]` states of targets, each by itself."""
    each = self.config.each
    reads = _reads(encoded.places, targets, each)
    gaps = targets.times - _newest(encoded.history, targets)
    t = self.embedding.of_targets(targets.items, gaps, categories)
    if self.config.matches:
      events = _events_read(encoded.history, targets)
      t += self.matches(encoded.history, targets, events, categories)
    _, t, _ = self.early(None, t, encoded.places, reads, encoded.read)
    assert t is not None
    if encoded.late_read is not None:
      assert encoded.late_places is not None
      reads = _reads(encoded.late_places, targets, each)
      _, t, _ = self.late(
        None, t, encoded.late_places, reads, encoded.late_read
      )
      assert t is not None
    return self.norm(t)


class UltraHSTU(nn.Module):
  """Logits of targets by one stream or several.

  Attributes:
    config: the sizes.
    dot_general: the product of every dense layer.
  """

  config: UltraHSTUConfig
  dot_general: DotGeneral = jax.lax.dot_general

  def setup(self):
    c = self.config
    self.stream = [Stream(c, self.dot_general) for _ in range(c.streams)]
    self.logits = Linear(
      c.tasks,
      ("embed", "kinds"),
      use_bias=True,
      kernel_init=nn.initializers.zeros,
    )

  def __call__(
    self,
    batches: RankingBatch | Sequence[RankingBatch],
    categories: jax.Array | None = None,
  ) -> jax.Array:
    """`[R, T, K]` float32.

    Args:
      batches: one for each stream, with the same targets in the same order,
        whose owners and `seen` are those of its own rows.
      categories: `[N, levels]` of the items; None without.
    """
    found = [
      stream(batch, categories)
      for stream, batch in zip(self.stream, _several(batches), strict=True)
    ]
    return self.logits(jnp.concatenate(found, axis=-1))

  def encode(
    self,
    batches: RankingBatch | Sequence[RankingBatch],
    categories: jax.Array | None = None,
  ) -> tuple[Encoded, ...]:
    """The states of all streams, to be kept; targets are not looked at."""
    return tuple(
      stream.encode(batch.history, batch.kept, categories)
      for stream, batch in zip(self.stream, _several(batches), strict=True)
    )

  def score(
    self,
    encoded: Sequence[Encoded],
    targets: Targets | Sequence[Targets],
    categories: jax.Array | None = None,
  ) -> jax.Array:
    """`[R, T, K]`, equal to a whole pass."""
    given = [targets] if isinstance(targets, Targets) else list(targets)
    found = [
      stream.score(state, own, categories)
      for stream, state, own in zip(self.stream, encoded, given, strict=True)
    ]
    return self.logits(jnp.concatenate(found, axis=-1))


def _several(batches: Any) -> list[RankingBatch]:
  return [batches] if isinstance(batches, RankingBatch) else list(batches)


def _widened(config: TransducerConfig, each: int) -> TransducerConfig:
  """Sizes in places of sizes in events."""
  if each == 1:
    return config
  return dataclasses.replace(
    config,
    local=each * config.local,
    prefix=each * config.prefix,
    block=each * config.block,
  )


def _places(history: History, each: int) -> Places:
  owners, places = jnp.asarray(history.owners), jnp.asarray(history.places)
  if each == 2:
    owners = jnp.repeat(owners, 2, axis=1)
    places = jnp.repeat(2 * places, 2, axis=1)
    places += jnp.arange(places.shape[1]) % 2
  return Places(owners, places, places)


def _doubled(kept: jax.Array) -> jax.Array:
  """Both places of each kept event."""
  pair = jnp.stack((2 * kept, 2 * kept + 1), axis=2)
  pair = jnp.where(kept[..., None] < 0, -1, pair)
  return pair.reshape(kept.shape[0], -1)


def _truncated(
  x: jax.Array, places: Places, kept: jax.Array
) -> tuple[jax.Array, Places]:
  """The kept places `[R, S']`, counted anew within their users."""
  at = jnp.maximum(kept, 0)

  def of(array: jax.Array) -> jax.Array:
    return jnp.take_along_axis(array, at, axis=1)

  owners = jnp.where(kept < 0, -1, of(places.owners))
  x = jnp.take_along_axis(x, at[..., None], axis=1)
  index = jnp.arange(kept.shape[1])
  new = owners != jnp.pad(owners, ((0, 0), (1, 0)), constant_values=-2)[:, :-1]
  start = jax.lax.cummax(jnp.where(new, index, 0), axis=1)
  own = jnp.where(owners < 0, 0, index - start)
  return x, Places(owners, own, of(places.seen_as))


def _reads(places: Places, targets: Targets, each: int) -> jax.Array:
  """`[R, T, S]`, the places that targets read."""
  own = jnp.asarray(targets.owners)[:, :, None]
  before = places.seen_as[:, None] < each * targets.seen[:, :, None]
  return (own >= 0) & (own == places.owners[:, None]) & before


def _events_read(history: History, targets: Targets) -> jax.Array:
  """`[R, T, S]`, the events that targets read."""
  reads = _reads(_places(history, 1), targets, 1)
  return reads & (history.items >= 0)[:, None]


def _newest(history: History, targets: Targets) -> jax.Array:
  """`[R, T]` the time of the newest event that a target reads, or its own."""
  reads = _events_read(history, targets)
  least = jnp.iinfo(jnp.int32).min
  time = jnp.where(reads, history.times[:, None], least).max(axis=-1)
  return jnp.where(reads.any(axis=-1), time, targets.times)
