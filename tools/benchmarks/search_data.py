"""What both sides of the retrieval benchmark search with: the same numbers."""

import dataclasses

import numpy as np

from tools.benchmarks.trie import random_ids


@dataclasses.dataclass(frozen=True)
class SearchSizes:
  """Model, prompt and catalogue.

  Attributes:
    ids: semantic IDs in the catalogue.
    level_sizes: codes per level.
    prompt: tokens of a prompt, all of them seen.
    prompt_size: tokens that are not codes.
    beam: IDs asked for.
    layers: blocks of the decoder; the other sizes are the decoder's own.
    width: `D`.
    heads: query heads.
    kv_heads: key and value heads.
    feed_forward: `F`.
  """

  ids: int
  level_sizes: tuple[int, ...]
  prompt: int
  prompt_size: int
  beam: int
  layers: int
  width: int
  heads: int
  kv_heads: int
  feed_forward: int

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


def make_sizes(sizes: dict) -> SearchSizes:
  """From JSON, where a tuple is a list."""
  return SearchSizes(**sizes | {"level_sizes": tuple(sizes["level_sizes"])})


def catalogue(sizes: SearchSizes) -> np.ndarray:
  """`[ids, L]` sorted codes."""
  return random_ids(sizes.ids, list(sizes.level_sizes), seed=0)


def prompts(sizes: SearchSizes, count: int) -> np.ndarray:
  """`[count, prompt]` tokens."""
  rng = np.random.default_rng(1)
  return rng.integers(
    sizes.prompt_size, size=(count, sizes.prompt), dtype=np.int32
  )


def weights(sizes: SearchSizes) -> dict[str, np.ndarray]:
  """Random float32 weights by name; kernels `[layers, in, out]`."""
  rng = np.random.default_rng(2)
  layers, D, F = sizes.layers, sizes.width, sizes.feed_forward
  projected = (sizes.heads + 2 * sizes.kv_heads) * sizes.head_size
  attended = sizes.heads * sizes.head_size

  def kernel(*shape):
    drawn = rng.standard_normal((layers, *shape), np.float32)
    return drawn / np.sqrt(np.float32(shape[0]))

  return {
    # Rows of this length spread the scores of siblings by about two nats.
    "embedding": rng.standard_normal((sizes.vocabulary, D), np.float32)
    * np.float32(0.125),
    "qkv": kernel(D, projected),
    "qkv_bias": 0.1 * rng.standard_normal((layers, projected), np.float32),
    "out": kernel(attended, D),
    "gate": kernel(D, F),
    "up": kernel(D, F),
    "down": kernel(F, D),
    "attention_norm": np.ones((layers, D), np.float32),
    "mlp_norm": np.ones((layers, D), np.float32),
    "norm": np.ones(D, np.float32),
  }
