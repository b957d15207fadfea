"""Captions of prompts, and prompts of captions.

  caption    := groups [background]
  groups     := group {connector group}
  group      := a|two|...|six color kind[s]
  connector  := and | left of | right of | above | below
  background := on a dark|light background

Only the first two groups are joined by a place, which says where the first
shape is as seen from the second: "a red circle left of a blue square and two
green crosses on a dark background". A gray background is not mentioned.
"""

from collections.abc import Sequence

import numpy as np

from gr_jax.data.worlds.scenes.captions import (
  CONNECTORS,
  NUMBERS,
  PAD,
  connector_tokens,
  packed,
  texts,
)
from gr_jax.data.worlds.scenes.groups import MOST_OBJECTS
from gr_jax.data.worlds.scenes.relations import NO_RELATION
from gr_jax.data.worlds.shapes.outlines import KINDS
from gr_jax.data.worlds.shapes.palette import BACKGROUNDS, COLORS
from gr_jax.data.worlds.shapes.prompts import Prompts

_PLURALS = ("circles", "squares", "triangles", "diamonds", "crosses")
WORDS = (
  "",
  *NUMBERS,
  *COLORS,
  *KINDS,
  *_PLURALS,
  *CONNECTORS,
  "of",
  "on",
  *BACKGROUNDS[1:],
  "background",
)
TOKENS = {word: token for token, word in enumerate(WORDS)}


def caption_tokens(prompts: Prompts) -> np.ndarray:
  """Returns rows of `WORDS`, `[B, 4 G + 4]` int32, PAD after the last.

  A row of PAD alone is free for "no caption", as guidance needs it.
  """
  n, width = prompts.counts.shape
  there = prompts.counts > 0
  nouns = np.where(prompts.counts > 1, TOKENS[_PLURALS[0]], TOKENS[KINDS[0]])
  # Five columns a group; what a caption leaves out is padding until the end.
  before = connector_tokens(prompts.relation, width, tokens=TOKENS)
  groups = np.stack(
    [
      before[..., 0],
      before[..., 1],
      TOKENS["a"] + prompts.counts - 1,
      TOKENS[COLORS[0]] + prompts.colors,
      nouns + prompts.kinds,
    ],
    axis=-1,
  )
  groups = np.where(there[..., None], groups, PAD)
  shade = TOKENS[BACKGROUNDS[1]] + prompts.background - 1
  ending = np.array([TOKENS["on"], TOKENS["a"], PAD, TOKENS["background"]])
  ending = np.tile(ending, (n, 1))
  ending[:, 2] = shade
  ending[prompts.background == 0] = PAD
  tokens = np.concatenate([groups.reshape(n, -1), ending], axis=1)
  return packed(tokens, length=caption_length(width))


def caption_length(max_groups: int) -> int:
  """The width of a table of tokens: 3 a group, connectors, "of", background."""
  return 4 * max_groups + 4


def captions(prompts: Prompts) -> list[str]:
  """Returns the words of `caption_tokens`."""
  return texts(caption_tokens(prompts), WORDS)


def parse_captions(texts: Sequence[str], *, max_groups: int = 3) -> Prompts:
  """Returns the prompts of captions; the inverse of `captions`.

  Raises:
    ValueError: a caption is not of the grammar, or has more groups.
  """
  parsed = [_parse(text, max_groups) for text in texts]
  return Prompts(
    counts=_table([p[0] for p in parsed], max_groups, 0),
    colors=_table([p[0] for p in parsed], max_groups, 1),
    kinds=_table([p[0] for p in parsed], max_groups, 2),
    relation=np.array([p[1] for p in parsed], np.int32),
    background=np.array([p[2] for p in parsed], np.int32),
  )


def _table(
  groups: Sequence[list[tuple[int, int, int]]], width: int, column: int
) -> np.ndarray:
  table = np.zeros((len(groups), width), np.int32)
  for row, found in enumerate(groups):
    table[row, : len(found)] = [group[column] for group in found]
  return table


def _parse(
  text: str, max_groups: int
) -> tuple[list[tuple[int, int, int]], int, int]:
  """Returns (count, color, kind) of groups, the relation, the background."""
  body, on, shade = text.partition(" on a ")
  shade = shade.removesuffix(" background") if on else BACKGROUNDS[0]
  words = body.replace("left of", "left").replace("right of", "right").split()
  groups, connectors = words[0::4], words[3::4]
  try:
    groups = [
      _group(*words[begin : begin + 3]) for begin in range(0, len(words), 4)
    ]
    relation = [CONNECTORS.index(word) for word in connectors]
    background = BACKGROUNDS.index(shade)
  except (ValueError, TypeError):
    groups, relation, background = [], [], 0
  first = relation[0] if relation else NO_RELATION
  alone = first == NO_RELATION or groups[0][0] == groups[1][0] == 1
  pairs = {group[1:] for group in groups}
  if (
    not 0 < len(groups) == len(pairs) <= max_groups
    or len(relation) != len(groups) - 1
    or any(relation[1:])
    or not alone
    or sum(count for count, _, _ in groups) > MOST_OBJECTS
  ):
    raise ValueError(
      f"{text!r} is no caption of at most {max_groups} groups; write for "
      "example 'a red circle left of a blue square and two green crosses', "
      f"at most {MOST_OBJECTS} shapes, no color and kind twice, a place "
      "between two single shapes only."
    )
  return groups, first, background


def _group(number: str, color: str, noun: str) -> tuple[int, int, int]:
  nouns = KINDS if number == NUMBERS[0] else _PLURALS
  return NUMBERS.index(number) + 1, COLORS.index(color), nouns.index(noun)
