"""Prompts of text, as a generator reads them."""

from typing import Any

from flax import struct


@struct.dataclass
class TextPrompt:
  """Texts of one length.

  Attributes:
    tokens: `[B, S]`, -1 = none, wherever it stands. A row needs a token here or
      in its query.
  """

  tokens: Any

  @property
  def mask(self) -> Any:
    """`[B, S]`, True = a token."""
    return self.tokens >= 0

  @property
  def candidates(self) -> None:
    """There are none: the prior of counts is not for these generators."""
    return None
