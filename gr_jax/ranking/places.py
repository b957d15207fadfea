"""Whose the places of rows are, what targets read of them, what lies between.

Plain functions of the arrays of `ranking/sequences.py`, of no parameters.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gr_jax.nn.relative_time_bias import Relation, time_bucket
from gr_jax.ranking.sequences import History, Targets


class Places(NamedTuple):
  """Whose the places of rows are.

  Attributes:
    owners: `[R, S]`, -1 = empty.
    places: `[R, S]` within the owner, from 0 on without a gap.
    seen_as: `[R, S]` the place that `Targets.seen` counts.
    times: `[R, S]` in seconds; read by a relative bias alone.
    read_times: `[R, S]` when a place reads others: at its own time in a ranker,
      whose targets must not learn when the next event came; a retriever, whose
      place is what will follow, at that of the place behind.
  """

  owners: jax.Array
  places: jax.Array
  seen_as: jax.Array
  times: jax.Array | None = None
  read_times: jax.Array | None = None


class Relations(NamedTuple):
  """What a relative bias reads.

  Attributes:
    among: between places.
    targets: from targets to places; None without targets.
  """

  among: Relation
  targets: Relation | None = None


def relations(
  places: Places, targets: tuple[jax.Array, jax.Array] | None = None
) -> Relations:
  """The relations of rows.

  Args:
    places: with times.
    targets: places `[R, T]` that targets would have as a next event, and their
      times.
  """
  times, now_of = places.times, places.read_times
  assert times is not None
  assert now_of is not None
  # Inside a user the place and the number in the row differ by a constant.
  index = jnp.arange(times.shape[1])
  among = Relation(
    (index[:, None] - index)[None],
    time_bucket(now_of[:, :, None] - times[:, None]),
  )
  if targets is None:
    return Relations(among)
  at, now = targets
  return Relations(
    among,
    Relation(
      at[:, :, None] - places.places[:, None],
      time_bucket(now[:, :, None] - times[:, None]),
    ),
  )


def places_of(history: History, each: int) -> Places:
  owners, places = jnp.asarray(history.owners), jnp.asarray(history.places)
  if each == 2:
    owners = jnp.repeat(owners, 2, axis=1)
    places = jnp.repeat(2 * places, 2, axis=1)
    places += jnp.arange(places.shape[1]) % 2
  times = jnp.repeat(jnp.asarray(history.times), each, axis=1)
  return Places(owners, places, places, times, times)


def doubled(kept: jax.Array) -> jax.Array:
  """Both places of each kept event."""
  pair = jnp.stack((2 * kept, 2 * kept + 1), axis=2)
  pair = jnp.where(kept[..., None] < 0, -1, pair)
  return pair.reshape(kept.shape[0], -1)


def truncated(
  x: jax.Array, places: Places, kept: jax.Array
) -> tuple[jax.Array, Places]:
  """The kept places `[R, S']`, counted anew within their users."""
  at = jnp.maximum(kept, 0)

  def of(array: jax.Array | None) -> jax.Array:
    assert array is not None
    return jnp.take_along_axis(array, at, axis=1)

  owners = jnp.where(kept < 0, -1, of(places.owners))
  x = jnp.take_along_axis(x, at[..., None], axis=1)
  index = jnp.arange(kept.shape[1])
  new = owners != jnp.pad(owners, ((0, 0), (1, 0)), constant_values=-2)[:, :-1]
  start = jax.lax.cummax(jnp.where(new, index, 0), axis=1)
  own = jnp.where(owners < 0, 0, index - start)
  times = of(places.times)
  return x, Places(owners, own, of(places.seen_as), times, times)


def reads_of(places: Places, targets: Targets, each: int) -> jax.Array:
  """`[R, T, S]`, the places that targets read."""
  own = jnp.asarray(targets.owners)[:, :, None]
  before = places.seen_as[:, None] < each * targets.seen[:, :, None]
  return (own >= 0) & (own == places.owners[:, None]) & before


def events_read(history: History, targets: Targets) -> jax.Array:
  """`[R, T, S]`, the events that targets read."""
  reads = reads_of(places_of(history, 1), targets, 1)
  return reads & (history.items >= 0)[:, None]


def newest_times(history: History, targets: Targets) -> jax.Array:
  """`[R, T]` the time of the newest event that a target reads, or its own."""
  reads = events_read(history, targets)
  least = jnp.iinfo(jnp.int32).min
  time = jnp.where(reads, history.times[:, None], least).max(axis=-1)
  return jnp.where(reads.any(axis=-1), time, targets.times)
