"""One position for every code of an item, as the papers write prompts."""

import jax.numpy as jnp
from flax import linen as nn

from gr_jax.generators.prompts.prompt_encoder import Embed, EncodedPrompt
from gr_jax.generators.prompts.writer import Prompt


class FlattenItems(nn.Module):
  """`e(s_1), ..., e(s_L), separator` an item: `S = 1 + (L + 1) n`.

  GenRec's prompt before its tokens are merged (arXiv 2604.14878). The separator
  also says how long ago the item was bought and how often `[OURS]`:
  `e_sep + e(age) + e(count)`. Codes that an ID does not have are masked.
  """

  @nn.compact
  def __call__(
    self, prompt: Prompt, embed: Embed, *, levels: int
  ) -> EncodedPrompt:
    profile = embed(prompt.profile)
    rows, items, _ = prompt.history.shape
    codes = prompt.history[..., :levels]
    separators = self.param(
      "separator",
      nn.with_logical_partitioning(nn.initializers.normal(0.02), ("norm",)),
      profile.shape[-1:],
    ) + embed(prompt.history[..., levels:])
    states = jnp.concatenate(
      (embed(codes[..., None]), separators[:, :, None]), axis=2
    )
    kept = prompt.mask[:, 1:, None]
    mask = jnp.concatenate((kept & (codes >= 0), kept), axis=2)
    flat = items * (levels + 1)
    return EncodedPrompt(
      jnp.concatenate((profile, states.reshape(rows, flat, -1)), axis=1),
      jnp.concatenate((prompt.mask[:, :1], mask.reshape(rows, flat)), axis=1),
    )

  def length(self, *, items: int, levels: int) -> int:
    return 1 + (levels + 1) * items
