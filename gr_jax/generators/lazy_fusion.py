r"""What joins an early state and the code before it (GR4AD, arXiv 2602.22732).

$$ h_t = W_f [m_t \odot W_g e(s_{t-1});\ e(s_{t-1})] $$

`W_f` starts as `[0; I]` `[OURS]`: a late layer begins by reading the code, as
every layer of `DecoderOnly` does, and learns what the early state adds.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.layers import DotGeneral, Linear, name_axes


def _lower_identity(key: jax.Array, shape: tuple[int, int], *_) -> jax.Array:
  """`[0; I]` `[2 D, D]`."""
  del key
  return jnp.eye(*shape, k=-shape[1])


class LazyFusion(nn.Module):
  """The inputs of early layers, and of late ones.

  Attributes:
    width: `D`.
    positions: the number of positions of an ID, `T`.
    dot_general: the product of both layers.
  """

  width: int
  positions: int
  dot_general: DotGeneral = jax.lax.dot_general

  def setup(self):
    D = self.width
    self.gate = Linear(D, ("embed", "mlp"), dot_general=self.dot_general)
    self.fuse = Linear(
      D,
      ("mlp", "embed"),
      dot_general=self.dot_general,
      kernel_init=_lower_identity,
    )
    self.level_embedding = self.param(
      "level_embedding",
      name_axes(nn.initializers.normal(D**-0.5), ("levels", "embed")),
      (self.positions - 1, D),
    )

  def early_inputs(self, query: jax.Array, length: int) -> jax.Array:
    """`p` `[..., length, D]`: the query `[..., D]`, then what is learned."""
    others = jnp.broadcast_to(
      self.level_embedding[: length - 1].astype(query.dtype),
      (*query.shape[:-1], length - 1, query.shape[-1]),
    )
    return jnp.concatenate((query[..., None, :], others), axis=-2)

  def __call__(self, early: jax.Array, before: jax.Array) -> jax.Array:
    """`h` `[..., D]` of `m` and of the embeddings `e(s_{t-1})`."""
    gated = early * self.gate(before)
    return self.fuse(jnp.concatenate((gated, before), axis=-1))
