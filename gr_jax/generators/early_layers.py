r"""The layers of a `LazyAR` that read no code (GR4AD, arXiv 2602.22732).

$$ m_t = Early_K(p_t, X), \qquad
   h_t = W_f [m_t \odot W_g e(s_{t-1});\ e(s_{t-1})], \qquad h_0 = m_0 $$

One pass over the prompt gives `m` for all levels and all beams; `h` is what the
late layers read, beside the prompt as the early ones left it.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.generators.branches import read_branches, read_prompt
from gr_jax.generators.lazy_fusion import LazyFusion
from gr_jax.generators.prompts.prompt_encoder import EncodedPrompt
from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.transformer import Transformer, TransformerConfig


class EarlyLayers(nn.Module):
  """The early layers and the fusion after them.

  Attributes:
    config: the sizes; `layers` is `K`.
    positions: the number of positions of an ID, `T`.
    dot_general: the product of every dense layer.
  """

  config: TransformerConfig
  positions: int
  dot_general: DotGeneral = jax.lax.dot_general

  def setup(self):
    self.early = Transformer(self.config, self.dot_general, final_norm=False)
    self.fusion = LazyFusion(
      self.config.width, self.positions, self.dot_general
    )

  def branches(
    self, prompt: EncodedPrompt, before: jax.Array
  ) -> tuple[EncodedPrompt, jax.Array, jax.Array]:
    """The prompt after the early layers, `m` and `h`, both `[B, P, t, D]`.

    Args:
      prompt: the inputs of `S` positions.
      before: the embeddings `[B, P, t, D]` of the query and of the codes after
        it, `t` of them at most `T`.
    """
    inputs = self.fusion.early_inputs(before[:, :, 0], before.shape[2])
    prompt, early = read_branches(self.early, prompt, inputs)
    later = self.fusion(early[:, :, 1:], before[:, :, 1:])
    return prompt, early, jnp.concatenate((early[:, :, :1], later), axis=2)

  def prompt(
    self, prompt: EncodedPrompt, query: jax.Array
  ) -> tuple[EncodedPrompt, jax.Array]:
    """The prompt after the early layers, and `m` `[B, T, D]` of all levels.

    Args:
      prompt: the inputs of `S` positions.
      query: the embedding `[B, D]`.
    """
    inputs = self.fusion.early_inputs(query, self.positions)
    states, _ = read_prompt(self.early, prompt, inputs)
    S = prompt.mask.shape[1]
    return prompt._replace(states=states[:, :S]), states[:, S:]

  def code(self, early: jax.Array, before: jax.Array, level: int) -> jax.Array:
    """`h` `[B, M, D]` of level `t` for `M` beams.

    Args:
      early: `m` `[B, T, D]`.
      before: the embeddings `[B, M, D]` of the beams' last codes.
      level: `t`, from 1 on.
    """
    return self.fusion(early[:, level, None], before)
