"""What a world of captioned pictures offers to those who train on it."""

from typing import Any, Protocol

import jax
import numpy as np


class PictureWorld(Protocol):
  """A distribution of scenes with captions and a judge.

  Prompts and scenes are pytrees of arrays `[B, ...]` of the world's own;
  `scenes.prompts` says what a scene shows. Scores hold `reward`, `exact`,
  `count`, `object`, `position` and `fidelity`, all `[B]`.
  """

  @property
  def size(self) -> int:
    """The side of a picture in pixels."""
    ...

  @property
  def words(self) -> tuple[str, ...]:
    """Words by token; 0 is padding."""
    ...

  @property
  def caption_length(self) -> int:
    """The number of tokens of a caption, padding among them."""
    ...

  def prompts(self, n: int, *, split: int = 0, batch: int = 0) -> Any:
    """Draws `n` prompts of a split; the same batch gives the same prompts."""
    ...

  def scenes(self, n: int, *, split: int = 0, batch: int = 0) -> Any:
    """Draws a scene for each of `prompts(n, split=split, batch=batch)`."""
    ...

  def render(self, scenes: Any) -> jax.Array:
    """Returns their pictures `[B, size, size, 3]` float32 in [-1, 1]."""
    ...

  def caption_tokens(self, prompts: Any) -> np.ndarray:
    """Returns captions as rows of `words`, `[B, caption_length]` int32."""
    ...

  def captions(self, prompts: Any) -> list[str]:
    """Returns the captions."""
    ...

  def judge(self, pictures: jax.Array, prompts: Any) -> Any:
    """Scores pictures against B prompts, from pixels alone."""
    ...
