r"""Inputs of rows: items plus actions, contextual tokens, time.

ULTRA-HSTU adds what the user did to the item's own vector, where HSTU has a
place for each of the two:

  x_j = I_j + a_j + g(t_j - t_{j-1}),  candidates: I + g(t - t_newest)

A candidate has no action: nothing of its label can leak. `I` is a learned
vector of the item and of each of its categories; `g` a vector of the bucket
`floor(log2(1 + seconds))` of the gap to what came before `[OURS]`: without
HSTU's relative bias nothing else tells how long ago an event was.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.choices import choose
from gr_jax.nn.layers import name_axes
from gr_jax.ranking.sequences import History

EVENTS = {"summed": 1, "interleaved": 2}
"""The places of an event."""
_GAPS = 32


@dataclasses.dataclass(frozen=True)
class EventsConfig:
  """Sizes of the tables.

  Attributes:
    items: `N`.
    actions: the number of actions, 0 = unknown among them.
    context: rows of the table of contextual tokens.
    categories: the number of categories of each level, coarse to fine.
    events: "summed", or "interleaved" as HSTU: an item and then its action.
  """

  items: int
  actions: int = 8
  context: int = 1
  categories: tuple[int, ...] = ()
  events: str = "summed"

  def __post_init__(self):
    choose("model.events", self.events, EVENTS)


class EventEmbedding(nn.Module):
  """The tables; methods give the inputs of places and of targets."""

  config: EventsConfig
  width: int

  def setup(self):
    c = self.config
    self.items = self._table("items", c.items, "vocab")
    self.actions = self._table("actions", c.actions, "kinds")
    self.context = self._table("context", c.context, "vocab")
    self.gaps = self._table("gaps", _GAPS, "kinds")
    self.levels = [
      self._table(f"category_{i}", n + 1, "vocab")
      for i, n in enumerate(c.categories)
    ]

  def _table(self, name: str, rows: int, axis: str) -> jax.Array:
    # Sums of several have the scale of one; norms follow.
    init = nn.initializers.normal(0.1)
    return self.param(
      name, name_axes(init, (axis, "embed")), (rows, self.width)
    )

  def of_items(
    self, items: jax.Array, categories: jax.Array | None
  ) -> jax.Array:
    """`I`, `[..., D]` of rows `[...]`; of -1 as of row 0.

    Args:
      items: catalogue rows.
      categories: `[N, levels]` int32, -1 = unknown.
    """
    at = jnp.maximum(items, 0)
    x = self.items[at]
    if self.levels:
      assert categories is not None
      paths = jnp.asarray(categories)[at]
      for level, table in enumerate(self.levels):
        x += table[paths[..., level] + 1]
    return x

  def gap(self, seconds: jax.Array) -> jax.Array:
    """`g`, `[..., D]`."""
    log = jnp.log2(1.0 + jnp.maximum(seconds, 0).astype(jnp.float32))
    return self.gaps[jnp.clip(log.astype(jnp.int32), 0, _GAPS - 1)]

  def of_places(
    self, history: History, categories: jax.Array | None
  ) -> jax.Array:
    """`[R, S, D]`, or `[R, 2 S, D]` of interleaved events; empty ones are 0."""
    before = jnp.pad(history.times, ((0, 0), (1, 0)))[:, :-1]
    first = jnp.asarray(history.places) == 0
    gap = self.gap(jnp.where(first, 0, history.times - before))
    item = self.of_items(history.items, categories) + gap
    action = self.actions[history.actions]
    event = (history.items >= 0)[..., None]
    token = self.context[jnp.maximum(history.context, 0)]
    token = jnp.where((history.context >= 0)[..., None], token, 0)
    if self.config.events == "summed":
      return jnp.where(event, item + action, token)
    pair = jnp.stack(
      (jnp.where(event, item, token), jnp.where(event, action, 0)), axis=2
    )
    R, S, _, D = pair.shape
    return pair.reshape(R, 2 * S, D)

  def of_targets(
    self, items: jax.Array, gaps: jax.Array, categories: jax.Array | None
  ) -> jax.Array:
    """`[R, T, D]` of candidates, `gaps` seconds after what they may read."""
    return self.of_items(items, categories) + self.gap(gaps)
