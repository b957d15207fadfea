r"""ReLU linear attention: cost linear in the number of tokens.

$$ o_i = \frac{\sum_j (φ(q_i) · φ(k_j)) v_j}{\sum_j φ(q_i) · φ(k_j) + ε},
   \qquad φ = \mathrm{ReLU} $$

(SANA, arXiv 2410.10629, eq. 2; the sums over `j` are computed once for all
`i`: `h x h` numbers a head in place of `T x T`.)
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.layers import DotGeneral, Linear, Lora


def attend_linearly(
  queries: jax.Array,
  keys: jax.Array,
  values: jax.Array,
  *,
  epsilon: float = 1e-8,
) -> jax.Array:
  """The equation above in float32: `[B, T, H, h]` of three such arrays."""
  q, k, v = (
    x.astype(jnp.float32).transpose(0, 2, 1, 3)
    for x in (nn.relu(queries), nn.relu(keys), values)
  )
  sums = jnp.einsum("bhsd,bhse->bhde", k, v)
  weight = jnp.einsum("bhtd,bhd->bht", q, k.sum(axis=2))
  out = jnp.einsum("bhtd,bhde->bhte", q, sums)
  return (out / (weight[..., None] + epsilon)).transpose(0, 2, 1, 3)


class LinearAttention(nn.Module):
  """Heads of `attend_linearly` between two projections, no positions."""

  heads: int
  head_size: int
  dot_general: DotGeneral = jax.lax.dot_general
  lora: Lora | None = None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """`[B, T, D]` of `[B, T, D]`."""
    H, h = self.heads, self.head_size
    qkv = Linear(
      3 * H * h,
      ("embed", "heads"),
      dot_general=self.dot_general,
      lora=self.lora,
      name="qkv",
    )(x).reshape(*x.shape[:2], 3, H, h)
    out = attend_linearly(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2])
    return Linear(
      x.shape[-1],
      ("heads", "embed"),
      use_bias=True,
      dot_general=self.dot_general,
      lora=self.lora,
      name="out",
    )(out.reshape(*x.shape[:2], H * h))
