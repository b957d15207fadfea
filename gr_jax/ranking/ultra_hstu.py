r"""ULTRA-HSTU: long histories scored for many targets in one pass.

(arXiv 2602.16986.) Events carry their actions; places read semi-locally; after
`N1` layers attention truncation keeps the context tokens and the newest `L'`
events of each user, and `N2` layers go on with these; targets read all that is
there below `seen` in each layer, and never each other. A mixture of transducers
has one such stack for each stream of signals (what was consumed, what was
engaged with) and scores the targets by all of their outputs.

  logits = W [LN(t_1); ...; LN(t_M)] after the last layers, one per task

With "interleaved" events, full attention, a relative bias and no truncation it
is HSTU's ranking model (arXiv 2402.17152).
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
from gr_jax.ranking.places import (
  Places,
  doubled,
  events_read,
  newest_times,
  places_of,
  reads_of,
  relations,
  truncated,
)
from gr_jax.ranking.sequences import History, RankingBatch, Targets
from gr_jax.ranking.transducer import (
  KeyValues,
  LayerNorm,
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
    places = places_of(history, self.config.each)
    x = self.embedding.of_places(history, categories)
    x, _, read = self._run(self.early, x, places)
    assert x is not None
    assert read is not None
    if not self.config.late_layers:
      return Encoded(history, places, read)
    late_places = places
    if kept is not None:
      at = doubled(kept) if self.config.each == 2 else kept
      x, late_places = truncated(x, places, at)
    _, _, late_read = self._run(self.late, x, late_places)
    return Encoded(history, places, read, late_places, late_read)

  def score(
    self,
    encoded: Encoded,
    targets: Targets,
    categories: jax.Array | None = None,
  ) -> jax.Array:
    """`[R, T, D]` states of targets, each by itself."""
    gaps = targets.times - newest_times(encoded.history, targets)
    t = self.embedding.of_targets(targets.items, gaps, categories)
    if self.config.matches:
      events = events_read(encoded.history, targets)
      t += self.matches(encoded.history, targets, events, categories)
    t = self._rank(self.early, t, targets, encoded.places, encoded.read)
    if encoded.late_read is not None:
      assert encoded.late_places is not None
      t = self._rank(
        self.late, t, targets, encoded.late_places, encoded.late_read
      )
    return self.norm(t)

  def _run(
    self, stack: Transducer, x: jax.Array, places: Places
  ) -> tuple[Any, Any, Any]:
    related = relations(places) if self.config.early.relative else None
    return stack(x, None, places, None, None, related)

  def _rank(
    self,
    stack: Transducer,
    t: jax.Array,
    targets: Targets,
    places: Places,
    read: KeyValues,
  ) -> jax.Array:
    """The targets after a stack."""
    each, related = self.config.each, None
    reads = reads_of(places, targets, each)
    if self.config.early.relative:
      # Behind the newest place that is read, truncated or not.
      at = jnp.where(reads, places.places[:, None] + 1, 0).max(axis=-1)
      related = relations(places, (at, targets.times))
    _, found, _ = stack(None, t, places, reads, read, related)
    assert found is not None
    return found


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
    relative=each * config.relative,
  )
