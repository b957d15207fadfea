"""Captions of groups, as rows of tokens.

  groups    := group {connector group}
  connector := and | left of | right of | above | below

Only the first two groups are joined by a place, which says where the first
thing is as seen from the second.
"""

from collections.abc import Mapping

import numpy as np

PAD = 0
NUMBERS = ("a", "two", "three", "four", "five", "six")
# Rows are relations; NO_RELATION is "and".
CONNECTORS = ("and", "left", "right", "above", "below")


def connector_tokens(
  relation: np.ndarray, width: int, *, tokens: Mapping[str, int]
) -> np.ndarray:
  """Returns the two tokens `[B, width, 2]` before each group, PAD for none."""
  before = np.full((len(relation), width, 2), PAD)
  before[:, 1:, 0] = tokens["and"]
  if width > 1:
    names = [tokens[word] for word in CONNECTORS]
    before[:, 1, 0] = np.array(names)[relation]
    beside = np.isin(before[:, 1, 0], [tokens["left"], tokens["right"]])
    before[:, 1, 1] = np.where(beside, tokens["of"], PAD)
  return before


def packed(tokens: np.ndarray, *, length: int) -> np.ndarray:
  """Moves PAD behind the words of each row: `[B, length]` int32."""
  order = np.argsort(tokens == PAD, axis=1, kind="stable")
  tokens = np.take_along_axis(tokens, order, axis=1)
  return tokens[:, :length].astype(np.int32)


def texts(tokens: np.ndarray, words: tuple[str, ...]) -> list[str]:
  """Returns the words of rows of tokens."""
  return [
    " ".join(words[token] for token in row if token != PAD)
    for row in tokens.tolist()
  ]
