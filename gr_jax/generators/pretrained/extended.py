"""A vocabulary that codes of semantic IDs extend, with rows of their own.

The rows of new tokens are parameters beside the table, which stays as it was
read, bit for bit: they can be trained while the table stands still.
"""

import dataclasses

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class NewTokens:
  """Tokens `first .. first + count - 1`, whose rows are not of the table.

  Published tables have more rows than tokens; new tokens then take the place
  of rows that no text uses.

  Attributes:
    first: the first new token, the number of tokens before.
    count: how many there are.
  """

  first: int
  count: int

  @property
  def stop(self) -> int:
    """The first token after them."""
    return self.first + self.count

  def vocab_size(self, rows: int) -> int:
    """Rows of the whole table, where the table that was read has `rows`.

    Raises:
      ValueError: tokens between the table and the new ones would have no row.
    """
    if self.first > rows:
      raise ValueError(
        f"the first new token is {self.first}, and the table has {rows} rows: "
        f"tokens {rows} to {self.first - 1} would have none."
      )
    return max(rows, self.stop)


def whole_table(
  table: jax.Array, rows: jax.Array, new: NewTokens, *, axis: int = 0
) -> jax.Array:
  """The table with its rows for new tokens in their places, along `axis`."""
  axis %= table.ndim
  before = jax.lax.slice_in_dim(table, 0, new.first, axis=axis)
  after = jax.lax.slice_in_dim(
    table, min(new.stop, table.shape[axis]), None, axis=axis
  )
  return jnp.concatenate((before, rows, after), axis=axis)


def random_rows(key: jax.Array, table: jax.Array, count: int) -> jax.Array:
  """`[C, D]` normal, mean 0, with the table's own standard deviation."""
  return jnp.std(table) * jax.random.normal(
    key, (count, table.shape[1]), table.dtype
  )


def mean_rows(table: jax.Array, count: int) -> jax.Array:
  """`[C, D]`, each the mean of the rows of the table."""
  return jnp.broadcast_to(table.mean(axis=0), (count, table.shape[1]))


def text_rows(
  table: jax.Array, tokens: jax.Array, mask: jax.Array
) -> jax.Array:
  """`[C, D]`, each the mean of the rows of the text that its code names.

  `e_c = sum_w mask[c, w] table[tokens[c, w]] / sum_w mask[c, w]`, the mean of
  all rows where the text is empty.

  Args:
    table: `[V, D]`.
    tokens: `[C, W]`.
    mask: `[C, W]`, True = keep.
  """
  counts = mask.sum(axis=1, keepdims=True)
  # Code by code: the rows of all texts at once would be larger than the table.
  total = jax.lax.map(
    lambda text: jnp.where(text[1][:, None], table[text[0]], 0).sum(axis=0),
    (tokens, mask),
  )
  return jnp.where(
    counts > 0, total / jnp.maximum(counts, 1), table.mean(axis=0)
  ).astype(table.dtype)


def extend(
  params: dict, rows: jax.Array, head_rows: jax.Array | None = None
) -> dict:
  """The parameters with rows for new tokens.

  Args:
    params: the parameters of a `CausalDecoder` without new tokens.
    rows: `[C, D]` of the embedding.
    head_rows: `[C, D]` of a head of its own, None where the embedding scores.

  Raises:
    ValueError: a model with a head of its own gets none, or one without gets
      them.
  """
  inner = params["params"]
  if ("head" in inner) != (head_rows is not None):
    has = "a head of its own" if "head" in inner else "tied embeddings"
    raise ValueError(
      f"the model has {has}; give head_rows for a head of its own, and none "
      "for tied embeddings."
    )
  more = {"new_embedding": rows}
  if head_rows is not None:
    more["new_head"] = head_rows
  return {**params, "params": {**inner, **more}}
