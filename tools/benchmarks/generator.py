"""A decoder-only generator of random numbers, at any size."""

import dataclasses

import jax
import numpy as np
from flax import linen as nn

from gr_jax.generators.build import Network
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.precision import dot_general
from gr_jax.nn.transformer import TransformerConfig
from tools.benchmarks.trie import random_ids


@dataclasses.dataclass(frozen=True)
class Sizes:
  """A decoder, the prompts that it reads and the catalogue that it names.

  Attributes:
    prompt_size: The tokens that are not codes.
    level_sizes: The codes per level.
    ids: The semantic IDs in the catalogue.
    batch: The prompts read at once.
    history: The items, or tokens, of a prompt.
    beam: The IDs found per prompt.
    layers: The blocks of the decoder; the others are its own, too.
    width: `D`.
    heads: The query heads.
    kv_heads: The key and value heads.
    feed_forward: `F`.
  """

  prompt_size: int
  level_sizes: tuple[int, ...] = (256, 256, 256)
  ids: int = 100_000
  batch: int = 64
  history: int = 64
  beam: int = 50
  layers: int = 4
  width: int = 256
  heads: int = 4
  kv_heads: int = 2
  feed_forward: int = 704

  @property
  def title(self) -> str:
    return f"{self.layers} layers of {self.width}"

  @property
  def head_size(self) -> int:
    return self.width // self.heads

  @property
  def vocabulary(self) -> int:
    return self.prompt_size + sum(self.level_sizes)

  @property
  def code_offsets(self) -> np.ndarray:
    """First token of each level."""
    return self.prompt_size + np.cumsum((0, *self.level_sizes[:-1]))

  @property
  def transformer(self) -> TransformerConfig:
    return TransformerConfig(
      layers=self.layers,
      width=self.width,
      heads=self.heads,
      kv_heads=self.kv_heads,
      head_size=self.head_size,
      feed_forward=self.feed_forward,
    )

  def model(self, dtype: str, **more) -> DecoderOnly:
    return DecoderOnly(
      self.transformer,
      self.prompt_size,
      self.level_sizes,
      dot_general=dot_general(dtype),
      **more,
    )

  def catalogue(self) -> np.ndarray:
    """`[ids, L]` sorted codes."""
    return random_ids(self.ids, self.level_sizes, seed=0)

  def tokens(self, *shape: int, seed: int = 1) -> np.ndarray:
    """Random tokens that are not codes."""
    rng = np.random.default_rng(seed)
    return rng.integers(self.prompt_size, size=shape, dtype=np.int32)

  def prompts(self) -> tuple[Prompt, np.ndarray]:
    """A batch of prompts, all positions of them seen, and queries `[B, 8]`."""
    prompt = Prompt(
      self.tokens(self.batch, 1, 2),
      self.tokens(self.batch, self.history, len(self.level_sizes) + 2),
      np.ones((self.batch, 1 + self.history), bool),
    )
    return prompt, self.tokens(self.batch, 8)


def init_params(model: Network, prompt: Prompt, queries: np.ndarray):
  """Parameters for prompts of this shape."""
  first = jax.tree.map(lambda x: x[:1], (prompt, queries[:, None]))
  codes = np.zeros((1, 1, len(model.level_sizes)), np.int32)
  variables = jax.jit(model.init)(jax.random.key(0), *first, codes)
  return nn.unbox(variables)
