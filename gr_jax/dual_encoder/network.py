"""Two encoders into one space: of requests, and of items (DPR).

An item is its vector; a request is its query, or the wish for a next basket,
and what is known of its user:

  d = unit(g(W x))
  q = unit(f(W y + sum of e(words) + attention of that to the prompt))

with `f(x) = x + swiglu(norm(x))` and `g` likewise. DPR's two encoders begin as
the same BERT; here both begin as the same orthogonal map `W`, so that the first
scores are the cosines of the vectors where `W` has room for them `[OURS]`.
The prompt is the one that the generator reads, its codes included.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.generators.prompts.prompt_encoder import SumItems
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.biased_attention import CrossAttention, MemoryKeys
from gr_jax.nn.layers import DotGeneral, Linear, RMSNorm, SwiGLU, name_axes
from gr_jax.objectives.contrastive import normalize


@dataclasses.dataclass(frozen=True)
class DualEncoderConfig:
  """Sizes.

  Attributes:
    width: the width of both encoders and of the space.
    heads: the number of heads of the attention to the prompt.
    head_size: the width of a head.
    feed_forward: the width of SwiGLU.
  """

  width: int = 256
  heads: int = 4
  head_size: int = 64
  feed_forward: int = 512


class DualEncoder(nn.Module):
  """Unit vectors of requests and items.

  Attributes:
    config: sizes.
    num_tokens: the size of the vocabulary of prompts, codes included.
    levels: codes of an ID.
    dot_general: the product of every dense layer.
  """

  config: DualEncoderConfig
  num_tokens: int
  levels: int
  dot_general: DotGeneral = jax.lax.dot_general

  def setup(self):
    c, dot = self.config, self.dot_general
    self.table = self.param(
      "table",
      # As good as nothing beside `W y`, but not zero: the prompt's states are
      # brought to length one, and zeros would stay where they are.
      name_axes(nn.initializers.normal(1e-3), ("vocab", "embed")),
      (self.num_tokens, c.width),
    )
    self.read = Linear(
      c.width,
      ("norm", "embed"),
      dot_general=dot,
      kernel_init=nn.initializers.orthogonal(),
    )
    self.arrange = SumItems()
    self.prompt_norm, self.query_norm = RMSNorm(), RMSNorm()
    self.memory_keys = MemoryKeys(1, c.heads, c.head_size, dot)
    self.cross = CrossAttention(c.heads, c.head_size, dot)
    self.request_norm, self.item_norm = RMSNorm(), RMSNorm()
    self.request_mlp = SwiGLU(c.feed_forward, dot)
    self.item_mlp = SwiGLU(c.feed_forward, dot)

  def embed(self, tokens: jax.Array | np.ndarray) -> jax.Array:
    """Sum of the embeddings of `[..., W]` tokens, -1 = none: `[..., D]`."""
    rows = self.table[jnp.maximum(tokens, 0)]
    return jnp.where(tokens[..., None] >= 0, rows, 0).sum(axis=-2)

  def items(self, vectors: jax.Array) -> jax.Array:
    """Unit rows `[N, D]` of item vectors `[N, Dv]`."""
    x = self.read(vectors)
    return normalize(x + self.item_mlp(self.item_norm(x)))

  def requests(
    self, prompt: Prompt, words: jax.Array, vectors: jax.Array
  ) -> jax.Array:
    """Unit rows `[B, D]`.

    Args:
      prompt: `B` rows; hidden users are not read.
      words: `[B, Wq]` tokens of the query, or the one of a next basket.
      vectors: `[B, Dv]` of the query; zeros where there is none.
    """
    x = self.read(vectors) + self.embed(words)
    arranged = self.arrange(prompt, self.embed, levels=self.levels)
    memory = self.memory_keys(self.prompt_norm(arranged.states))
    attended = self.cross(
      self.query_norm(x)[:, None],
      jax.tree.map(lambda kept: kept[0], memory),
      arranged.mask[:, None],
    )[:, 0]
    # Where nobody is known there is nothing to attend to.
    x = x + jnp.where(arranged.mask.any(axis=1, keepdims=True), attended, 0)
    return normalize(x + self.request_mlp(self.request_norm(x)))

  def __call__(
    self,
    prompt: Prompt,
    words: jax.Array,
    query_vectors: jax.Array,
    item_vectors: jax.Array,
  ) -> tuple[jax.Array, jax.Array]:
    """Requests `[B, D]` and items `[C, D]`; their products are the scores."""
    return (
      self.requests(prompt, words, query_vectors),
      self.items(item_vectors),
    )
