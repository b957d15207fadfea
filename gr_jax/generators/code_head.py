"""One table of embeddings that reads tokens and scores codes."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.layers import DotGeneral


class CodeTable(nn.Module):
  """Prompt tokens, then the codes of every level, then ends.

  Attributes:
    prompt_size: tokens that are not codes.
    level_sizes: codes per level.
    width: `D`.
    ends: whether IDs may end early.
    dot_general: the product that scores.
  """

  prompt_size: int
  level_sizes: tuple[int, ...]
  width: int
  ends: bool = False
  dot_general: DotGeneral = jax.lax.dot_general

  def setup(self):
    init = nn.initializers.normal(self.width**-0.5)
    self.token_embedding = self.param(
      "token_embedding",
      nn.with_logical_partitioning(init, ("vocab", "embed")),
      (self.prompt_size + sum(self.level_sizes), self.width),
    )
    if self.ends:
      self.end_embedding = self.param(
        "end_embedding",
        nn.with_logical_partitioning(init, ("levels", "embed")),
        (len(self.level_sizes) - 1, self.width),
      )

  def offset(self, level: int) -> int:
    """The first token of a level."""
    return self.prompt_size + sum(self.level_sizes[:level])

  def rows(self, tokens: jax.Array) -> jax.Array:
    """Embeddings `[..., D]` of tokens `[...]`, 0 for -1."""
    found = self.token_embedding[jnp.maximum(tokens, 0)]
    return jnp.where(tokens[..., None] >= 0, found, 0)

  def embed(self, tokens: jax.Array) -> jax.Array:
    """Sum of the embeddings of `[..., W]` tokens, -1 = none: `[..., D]`."""
    return self.rows(tokens).sum(axis=-2)

  def embed_codes(self, codes: jax.Array, level: int) -> jax.Array:
    """`[..., D]` of the codes `[...]` of a level, 0 after an early end."""
    return self.rows(jnp.where(codes >= 0, codes + self.offset(level), -1))

  def level_logits(self, states: jax.Array, level: int) -> jax.Array:
    """Scores `s · e_c` of a level's codes for states `[..., D]` (tied).

    Where IDs may end early, levels after the first have one more column, the
    last: "the ID ends here".
    """
    first = self.offset(level)
    rows = self.token_embedding[first : first + self.level_sizes[level]]
    if self.ends and level:  # An ID has one code at least.
      rows = jnp.concatenate((rows, self.end_embedding[level - 1][None]))
    dims = (((states.ndim - 1,), (0,)), ((), ()))
    return self.dot_general(states, rows.T, dims)
