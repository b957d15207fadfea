"""Rows of tokens: connectors by relation, padding last."""

import numpy as np

from gr_jax.data.worlds.scenes.captions import (
  CONNECTORS,
  connector_tokens,
  packed,
  texts,
)

WORDS = ("", *CONNECTORS, "of")
TOKENS = {word: token for token, word in enumerate(WORDS)}


def test_a_place_joins_the_first_two_groups_alone():
  before = connector_tokens(np.arange(5), 3, tokens=TOKENS)
  assert before.shape == (5, 3, 2)
  assert texts(before[:, 0], WORDS) == [""] * 5
  assert texts(before[:, 1], WORDS) == [
    "and",
    "left of",
    "right of",
    "above",
    "below",
  ]
  assert texts(before[:, 2], WORDS) == ["and"] * 5
  alone = connector_tokens(np.zeros(2, int), 1, tokens=TOKENS)
  np.testing.assert_array_equal(alone, np.zeros((2, 1, 2)))


def test_words_keep_their_order_before_the_padding():
  rows = packed(np.array([[0, 3, 0, 1, 2], [5, 0, 4, 0, 0]]), length=4)
  np.testing.assert_array_equal(rows, [[3, 1, 2, 0], [5, 4, 0, 0]])
  assert rows.dtype == np.int32
