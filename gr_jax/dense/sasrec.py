"""SASRec: the next item of a user, by self-attention over the newest ones.

Kang and McAuley (arXiv 1808.09781): the state of the newest item, to which
older ones were added by causal attention, is compared with every item,

  h = transformer(sqrt(D) e(v_1), ..., sqrt(D) e(v_T))
  score_j = h_T · e(j)

with one table `e` for both sides. What made it strong again is how it is
trained (`gr_jax.dense.sasrec_training`). The blocks are those of the generator:
rotary positions, RMSNorm before each half, SwiGLU `[OURS]`; the paper has
learned positions, LayerNorm and ReLU.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.data import row_lists
from gr_jax.data.row_lists import RowLists
from gr_jax.dense import ranking
from gr_jax.nn.attention_mask import packed_mask
from gr_jax.nn.layers import DotGeneral, name_axes
from gr_jax.nn.map_rows import map_rows
from gr_jax.nn.transformer import Transformer, TransformerConfig

_REQUESTS = 256


class SASRec(nn.Module):
  """States of sequences of items.

  Attributes:
    config: the sizes of the blocks.
    num_items: `N`.
    dropout: the share of the numbers of inputs and states that training sets
      to zero.
    dot_general: the product of every dense layer.
  """

  config: TransformerConfig
  num_items: int
  dropout: float = 0.0
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self, rows: jax.Array, owners: jax.Array, *, training: bool = False
  ) -> jax.Array:
    """`[B, T, D]`; a place reads itself and what is older, of its own user.

    Args:
      rows: `[B, T]` items, oldest first.
      owners: `[B, T]` the users that they belong to, -1 where there is no item.
      training: True drops out; the key is that of "dropout".
    """
    width = self.config.width
    table = self.param(
      "items",
      name_axes(nn.initializers.normal(0.02), ("vocab", "embed")),
      (self.num_items, width),
    )
    drop = nn.Dropout(self.dropout, deterministic=not training)
    x = drop(table[rows] * width**0.5)
    positions = jnp.broadcast_to(jnp.arange(rows.shape[1]), rows.shape)
    states, _ = Transformer(self.config, self.dot_general)(
      x, positions, packed_mask(owners >= 0, owners)
    )
    return drop(states)


def item_table(params: Any) -> jax.Array:
  """`e`, `[N, D]`."""
  return params["params"]["items"]


@dataclasses.dataclass(frozen=True)
class Fitted:
  """A trained model and its items.

  Attributes:
    model: the network.
    params: its parameters.
    index: the items in popularity order.
    length: the number of newest items that are read, `T`.
  """

  model: SASRec
  params: Any
  index: ranking.DenseIndex
  length: int


def index(
  model: SASRec, params: Any, popularity: np.ndarray, *, length: int
) -> Fitted:
  """Indexes the items; the popularity `[N]` only orders equal scores."""
  items = ranking.index_items(item_table(params), popularity)
  return Fitted(model, params, items, length)


def rank(
  state: Fitted,
  histories: RowLists,
  *,
  k: int = 100,
  exclude: RowLists | None = None,
) -> np.ndarray:
  """`[R, k]` int32 catalogue rows by the product with the newest state.

  A request without a history gets the popular items.
  """
  encoded = encode(
    state.model, state.params, *newest_table(histories, state.length)
  )
  return ranking.rank(state.index, np.asarray(encoded), k=k, exclude=exclude)


@functools.partial(jax.jit, static_argnums=0)
def encode(
  model: SASRec, params: Any, rows: jax.Array, count: jax.Array
) -> jax.Array:
  """`[R, D]` states of the newest of `count [R]` items `rows [R, T]`.

  Zeros where there is none.
  """

  def states(part: Any) -> Any:
    rows, count = part
    there = jnp.arange(rows.shape[1]) < count[:, None]
    found: Any = model.apply(params, rows, jnp.where(there, 0, -1))
    last = jnp.maximum(count - 1, 0)[:, None, None]
    newest = jnp.take_along_axis(found, last, axis=1)[:, 0]
    return jnp.where(count[:, None] > 0, newest, 0)

  found: Any = map_rows(states, (rows, count), size=_REQUESTS)
  return found


def newest_table(
  histories: RowLists, length: int
) -> tuple[np.ndarray, np.ndarray]:
  """The newest rows `[R, T]`, oldest first, and how many `[R]` there are."""
  recent = row_lists.newest(histories, length)
  table = np.zeros((len(recent), length), np.int32)
  place = np.arange(len(recent.rows)) - recent.offsets[recent.owners]
  table[recent.owners, place] = recent.rows
  return table, recent.sizes.astype(np.int32)
