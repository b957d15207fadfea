r"""Attention to a history that is read as one matrix per head.

$$ A = \sum_i \phi(k_i)\, v_i^\top, \qquad
   o_q = \phi(q)^\top \phi(A / N), \qquad
   o_t = \phi(q_t)^\top \phi(A / N) + (\phi(q_t) \cdot \phi(k_t))\, v_t $$

Quasi-linear attention (VISTA, arXiv 2510.22049; GEMs, arXiv 2602.13631, reads
its lifecycle so): `φ` is SiLU, there is no softmax and no sum over a row that
it is divided by. Time and memory grow with the number of events, never with
its square, and what a history comes to is `A`, `[H, h, h]` whatever its length.

`A` is a sum: new events are added to it without those before. It holds for keys
and values that are made of an event alone. A second layer over the events would
make its keys of what each of them read of all, and one more event would change
every one; so layers over a state that is to be kept are layers of those who
read it (`virtual_seeds`), not of the events `[OURS]`.

`A` grows with the history, and the inner `φ`, nearly linear at 0 and the
identity far above it, sees histories of all lengths. `N` brings them to where
it bends; it is one number of a model, never the length of a row, or `A` could
not be kept `[OURS]`. With `N = 1` the equation is that of the paper.

Arrays are float32 as in `attention`; a mask is True where an event is there.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

Activation = Callable[[jax.Array], jax.Array]


def sum_events(
  keys: jax.Array, values: jax.Array, mask: jax.Array | None = None
) -> jax.Array:
  """`A = Σ φ(k) vᵀ`, `[..., H, h, h]`, keys before values.

  The `A` of two parts of a history is the sum of theirs.

  Args:
    keys: `[..., T, H, h]`.
    values: `[..., T, H, h]`.
    mask: `[..., T]`; None = all are there.
  """
  keys = jax.nn.silu(keys)
  if mask is not None:
    keys = jnp.where(mask[..., None, None], keys, 0)
  return jnp.einsum("...thk,...thv->...hkv", keys, values)


def read_state(
  queries: jax.Array,
  state: jax.Array,
  *,
  divisor: float = 1.0,
  inner: Activation = jax.nn.silu,
) -> jax.Array:
  """`φ(q)ᵀ φ(A / N)`, `[..., T, H, h]`.

  Args:
    queries: `[..., T, H, h]`.
    state: `A`, `[..., H, h, h]`.
    divisor: `N`, about the number of events of a long history.
    inner: the `φ` around `A`; with the identity this is linear attention.
  """
  queries = jax.nn.silu(queries)
  return jnp.einsum("...thk,...hkv->...thv", queries, inner(state / divisor))


def read_as_targets(
  queries: jax.Array,
  keys: jax.Array,
  values: jax.Array,
  state: jax.Array,
  *,
  divisor: float = 1.0,
  inner: Activation = jax.nn.silu,
) -> jax.Array:
  """Targets read a history and, as the diagonal term, themselves.

  None reads another target: what one is scored does not depend on them.

  Args:
    queries: those of the targets, `[..., T, H, h]`.
    keys: theirs, `[..., T, H, h]`.
    values: theirs, `[..., T, H, h]`.
    state: `A` of the history, `[..., H, h, h]`.
    divisor: as for `read_state`; what a target gives itself is not divided.
    inner: as for `read_state`.

  Returns:
    `[..., T, H, h]`.
  """
  own = jnp.sum(jax.nn.silu(queries) * jax.nn.silu(keys), -1, keepdims=True)
  return read_state(queries, state, divisor=divisor, inner=inner) + own * values


def sum_blocks(
  keys: jax.Array, values: jax.Array, owners: jax.Array, *, users: int
) -> jax.Array:
  """`A` of every user of packed rows, `[R, U, H, h, h]`.

  Rows are those of `ranking.sequences`: users begin at multiples of a block,
  and an empty place follows the last event of a block's user.

  Args:
    keys: `[R, blocks, b, H, h]`.
    values: `[R, blocks, b, H, h]`.
    owners: `[R, blocks, b]` users counted within the row, -1 = empty.
    users: `U`, the most users of a row.
  """
  of_blocks = sum_events(keys, values, owners >= 0)
  # A block has one user, whose place is its first; -1 is in no column.
  owns = jax.nn.one_hot(owners[..., 0], users, dtype=of_blocks.dtype)
  return jnp.einsum("rnu,rnhkv->ruhkv", owns, of_blocks)


def read_blocks(
  queries: jax.Array,
  states: jax.Array,
  owners: jax.Array,
  *,
  divisor: float = 1.0,
) -> jax.Array:
  """Every place of packed rows reads its own user; 0 where it is empty.

  Args:
    queries: `[R, blocks, b, H, h]`.
    states: `[R, U, H, h, h]` of `sum_blocks`.
    owners: `[R, blocks, b]`.
    divisor: as for `read_state`.

  Returns:
    `[R, blocks, b, H, h]`.
  """
  index = jnp.maximum(owners[..., 0], 0)[..., None, None, None]
  own = jnp.take_along_axis(states, index, axis=1)
  read = read_state(queries, own, divisor=divisor)
  return jnp.where((owners >= 0)[..., None, None], read, 0)
