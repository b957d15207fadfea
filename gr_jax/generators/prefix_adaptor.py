"""NCI's prefix-aware weight-adaptive decoder: scores that know the prefix.

The same code means one thing below one prefix and another below the next, but
a decoder scores it with the same weights everywhere. NCI lets a small
transformer read the prefix and change the weights (Wang 2022, section 3.3):

  logits = h W_ada,   W_ada = A(e, r_1 .. r_{i-1}) W

with `A` of `[D, D]` for every prefix. Here `A = I + U diag(a) V`, where `a` of
`[D]` is what the transformer says of the prefix and `U, V` are learned
(`[OURS]`: a matrix for every beam would cost more than the decoder itself). `V`
is zero at first: it begins as the plain decoder. NCI's consistency loss
(R-Drop) is left out.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.encoder_decoder import Encoder
from gr_jax.nn.layers import DotGeneral, Linear
from gr_jax.nn.transformer import TransformerConfig


class PrefixAdaptor(nn.Module):
  """`h + ((h U) ⊙ a) V`, `a` a causal transformer of the prefix.

  Attributes:
    config: the sizes of that transformer; NCI has 4 layers.
    dot_general: the product of every dense layer.
  """

  config: TransformerConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, prefix: jax.Array, states: jax.Array) -> jax.Array:
    """Adapted states `[B, P, t, D]`.

    Args:
      prefix: `[B, P, T, D]`, the embeddings that the decoder read, from its
        start on.
      states: `[B, P, t, D]` of the decoder at the last `t` places.
    """
    B, P, T, D = prefix.shape
    causal = jnp.tril(jnp.ones((1, T, T), bool))
    read = Encoder(self.config, self.dot_general, name="reader")(
      prefix.reshape(B * P, T, D), jnp.arange(T), causal
    )
    scale = read.reshape(prefix.shape)[:, :, T - states.shape[2] :]
    turned = Linear(
      D, ("embed", "mlp"), dot_general=self.dot_general, name="u"
    )(states)
    return states + Linear(
      D,
      ("mlp", "embed"),
      dot_general=self.dot_general,
      kernel_init=nn.initializers.zeros,
      name="v",
    )(turned * scale)
