"""GenRec's asymmetric token merger: an item is read as one token.

Prompts are long and answers short, so only prompts are shortened: what is
decoded keeps its `L` tokens an item, its scores and its cache.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.generators.prompts.prompt_encoder import Embed, EncodedPrompt
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.layers import DotGeneral, Linear


def sum_of_tokens(key: jax.Array, shape: tuple[int, int], dtype) -> jax.Array:
  """`[I; I; ...]`: the map `[L D, D]` that adds `L` tokens up."""
  del key
  width = shape[1]
  return jnp.tile(jnp.eye(width, dtype=dtype), (shape[0] // width, 1))


class MergeItems(nn.Module):
  """`h_v = W [e(s_1); ...; e(s_L)] + b, separator`: `S = 1 + 2 n`.

  GenRec (arXiv 2604.14878), `Linear_{3d -> d}`; profile and separators are not
  merged. It begins as the sum of the tokens `[OURS]`, from which copying out of
  the history is learned soonest. The separator is that of `FlattenItems`.

  Attributes:
    dot_general: the product.
  """

  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self, prompt: Prompt, embed: Embed, *, levels: int
  ) -> EncodedPrompt:
    profile = embed(prompt.profile)
    rows, items, _ = prompt.history.shape
    width = profile.shape[-1]
    separators = self.param(
      "separator",
      nn.with_logical_partitioning(nn.initializers.normal(0.02), ("norm",)),
      (width,),
    ) + embed(prompt.history[..., levels:])
    codes = embed(prompt.history[..., :levels, None])
    merged = Linear(
      width,
      ("levels", "embed"),
      use_bias=True,
      dot_general=self.dot_general,
      kernel_init=sum_of_tokens,
      name="merge",
    )(codes.reshape(rows, items, levels * width))
    states = jnp.stack((merged, separators), axis=2)
    mask = jnp.repeat(prompt.mask[:, 1:], 2, axis=1)
    return EncodedPrompt(
      jnp.concatenate((profile, states.reshape(rows, -1, width)), axis=1),
      jnp.concatenate((prompt.mask[:, :1], mask), axis=1),
    )

  def length(self, *, items: int, levels: int) -> int:
    del levels
    return 1 + 2 * items
