r"""What trains virtual seeds: they tell a history again, event after event.

$$ v_i = \mathrm{Decoder}(u_1, \ldots, u_i;\ seeds), \qquad
   L_{recon} = \frac{1}{D\,|I|} \sum_{i \in I} \lVert v_i - u_{i+1} \rVert^2 $$

A causal decoder reads the seeds and the events so far and says the next one
(GEMs, arXiv 2602.13631; VISTA, arXiv 2510.22049). `[OURS]`: the first event is
said of the seeds alone; the loss is a mean, where the paper has a sum; and `u`
is a constant of it, as what is read and as what is said, or embeddings would
become easy to say instead of telling items apart.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.biased_attention import MemoryKeys
from gr_jax.nn.encoder_decoder import Decoder
from gr_jax.nn.layers import DotGeneral, Linear
from gr_jax.nn.transformer import TransformerConfig


class SeedDecoder(nn.Module):
  """`v` of a stretch of events.

  Attributes:
    config: the sizes of the decoder; its width is that of the seeds.
    dot_general: the product of every dense layer.
  """

  config: TransformerConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, seeds: jax.Array, events: jax.Array) -> jax.Array:
    """What is said of each event, `[B, T, D]`, before it is read.

    Args:
      seeds: `[B, M, D]`.
      events: `[B, T, D]`, oldest first.
    """
    c = self.config
    before = jnp.pad(events[:, :-1], ((0, 0), (1, 0), (0, 0)))
    memory = MemoryKeys(
      c.layers, c.kv_heads, c.head_size, self.dot_general, name="memory"
    )(seeds)
    mask = jnp.ones((len(seeds), 1, seeds.shape[1]), bool)
    states, _ = Decoder(c, self.dot_general, name="decoder")(
      jax.lax.stop_gradient(before)[:, None], None, memory, mask
    )
    return Linear(
      events.shape[-1],
      ("embed", "mlp"),
      use_bias=True,
      dot_general=self.dot_general,
      name="out",
    )(states[:, 0])


def reconstruction_loss(
  said: jax.Array, events: jax.Array, where: jax.Array
) -> jax.Array:
  """`L_recon`, 0 where no event is there.

  Args:
    said: `v`, `[B, T, D]`.
    events: `u`, `[B, T, D]`.
    where: `[B, T]`, True where an event is there.
  """
  missed = (said - jax.lax.stop_gradient(events)) ** 2
  total = jnp.sum(jnp.where(where[..., None], missed, 0))
  return total / jnp.maximum(where.sum() * events.shape[-1], 1)
