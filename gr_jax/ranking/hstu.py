r"""HSTU as a sequential retriever: the next item of a user.

(Zhai et al. 2024, arXiv 2402.17152, and its code.) Places are items, with a
learned position, through `N` transduction units with relative bias; states and
items are of unit length, and the score of an item is

  s_j = u_T · e_j / (|u_T| |e_j| τ),   x_t = sqrt(D) e(v_t) + p_t

Every place learns what came after it by a softmax over that item and `n`
others, drawn evenly from the catalogue. The paper draws 128 for each place;
here the places of a user share theirs, which a product of matrices scores, and
a batch meets about as many different ones `[OURS]`. A place's own item is none
of its negatives.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.layers import DotGeneral, Dropout, name_axes
from gr_jax.ranking.places import Places, relations
from gr_jax.ranking.transducer import Transducer, TransducerConfig
from gr_jax.ranking.user_rows import UserRows

_EPSILON = 1e-6


@dataclasses.dataclass(frozen=True)
class HSTUConfig:
  """Sizes of the network.

  Attributes:
    items: `N`.
    length: `T`, the most places of a row.
    transducer: the units; their `relative` should be at least `T`.
    temperature: `τ`.
  """

  items: int
  length: int
  transducer: TransducerConfig
  temperature: float = 0.05

  def __post_init__(self):
    if self.temperature <= 0:
      raise ValueError(f"temperature ({self.temperature}) must be above 0.")


class HSTU(nn.Module):
  """States of the places of users.

  Attributes:
    config: the sizes.
    dot_general: the product of every dense layer.
  """

  config: HSTUConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, rows: UserRows) -> jax.Array:
    """`[B, T, D]` of unit length; dropout where there is a key for it."""
    c = self.config
    width = c.transducer.width
    table, positions = (
      self.param(
        name,
        name_axes(nn.initializers.truncated_normal(0.02), (axis, "embed")),
        (size, width),
      )
      for name, axis, size in (
        ("items", "vocab", c.items),
        ("positions", "norm", c.length),
      )
    )
    T = rows.items.shape[1]
    there = rows.items >= 0
    x = table[jnp.maximum(rows.items, 0)] * width**0.5 + positions[:T]
    x = jnp.where(there[..., None], x, 0)
    x = Dropout(c.transducer.dropout)(x)
    place = jnp.broadcast_to(jnp.arange(T), rows.items.shape)
    places = Places(
      jnp.where(there, 0, -1), place, place, rows.times, rows.next_times
    )
    related = relations(places) if c.transducer.relative else None
    states, _, _ = Transducer(c.transducer, self.dot_general)(
      x, None, places, None, None, related
    )
    assert states is not None
    return unit(states)


def unit(x: jax.Array) -> jax.Array:
  """`x / sqrt(|x|² + ε²)` along the last axis, in float32; zeros stay."""
  x = x.astype(jnp.float32)
  square = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
  return x * jax.lax.rsqrt(square + _EPSILON**2)


def item_vectors(params: Any) -> jax.Array:
  """`[N, D]` of unit length."""
  return unit(params["params"]["items"])


def next_item_loss(
  model: HSTU,
  params: Any,
  rows: UserRows,
  *,
  key: jax.Array | None = None,
  negatives: int,
  drawn: jax.Array | None = None,
) -> tuple[jax.Array, dict[str, jax.Array]]:
  """The mean over places whose next item is known, and metrics.

  Args:
    model: the network.
    params: its parameters.
    rows: a batch.
    key: draws negatives and dropout; None = no dropout, and `drawn` is needed.
    negatives: `n`; as many as there are items and more: all of them.
    drawn: `[B, n]` negatives in place of those of the key.
  """
  N, rngs = model.config.items, {}
  if key is not None:
    drawing, dropout = jax.random.split(key)
    if model.config.transducer.dropout:
      rngs["dropout"] = dropout
    if drawn is None:
      shape = len(rows.items), min(negatives, N)
      drawn = (
        jnp.broadcast_to(jnp.arange(N), shape)
        if negatives >= N
        else jax.random.randint(drawing, shape, 0, N)
      )
  assert drawn is not None
  states: Any = model.apply(params, rows, rngs=rngs)
  table, wanted = item_vectors(params), rows.after
  own = jnp.sum(states * table[jnp.maximum(wanted, 0)], axis=-1)
  scores = jnp.einsum("btd,bnd->btn", states, table[drawn])
  scores = jnp.where(
    drawn[:, None] == wanted[..., None],
    -jnp.inf,
    scores / model.config.temperature,
  )
  own /= model.config.temperature
  total = jnp.logaddexp(own, jax.nn.logsumexp(scores, axis=-1))
  known = wanted >= 0
  loss = jnp.where(known, total - own, 0).sum() / jnp.maximum(known.sum(), 1)
  return loss, {"train/loss": loss}


def newest_states(model: HSTU, params: Any, rows: UserRows) -> jax.Array:
  """`[B, D]` of the newest place of each row."""
  states: Any = model.apply(params, rows)
  last = jnp.maximum((rows.items >= 0).sum(axis=1) - 1, 0)
  return jnp.take_along_axis(states, last[:, None, None], axis=1)[:, 0]
