"""Captions of prompts, and prompts of captions, for the names of a vocabulary.

  caption   := group {connector group}
  group     := a|an|two|...|six name[s]
  connector := and | left of | right of | above | below

Only the first two groups are joined by a place: "a red apple left of an owl and
two carrots".
"""

import dataclasses
import functools
import re
from collections.abc import Sequence

import numpy as np

from gr_jax.data.worlds.emoji.names import (
  NAME_WORDS,
  article,
  is_plain,
  plural,
)
from gr_jax.data.worlds.emoji.prompts import Prompts
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

_CONNECTOR = re.compile(r" (and|left of|right of|above|below) ")


@dataclasses.dataclass(frozen=True)
class Grammar:
  """Words, tokens and prompts of captions.

  Attributes:
    names: The names of the vocabulary.
  """

  names: tuple[str, ...]

  def __post_init__(self) -> None:
    """Raises ValueError for names of which captions could not be made."""
    for name in self.names:
      if not is_plain(name):
        raise ValueError(
          f"{name!r} is no name for a caption; write one or two words of the "
          "letters a to z, not in the plural."
        )
    for nouns in (self.names, [plural(name) for name in self.names]):
      twice = {noun for noun in nouns if list(nouns).count(noun) > 1}
      if twice:
        raise ValueError(f"two emoji have one name: {sorted(twice)}.")

  @functools.cached_property
  def words(self) -> tuple[str, ...]:
    """Words by token; PAD is the first."""
    nouns = {
      word for name in self.names for word in f"{name} {plural(name)}".split()
    }
    return ("", "an", *NUMBERS, *CONNECTORS, "of", *sorted(nouns))

  @functools.cached_property
  def _tokens(self) -> dict[str, int]:
    return {word: token for token, word in enumerate(self.words)}

  def caption_length(self, max_groups: int) -> int:
    """The width of a table of tokens: 3 a group, connectors, one "of"."""
    return 4 * max_groups if max_groups > 1 else 1 + NAME_WORDS

  def caption_tokens(self, prompts: Prompts) -> np.ndarray:
    """Returns rows of `words`, `[B, 4 G]` int32, PAD after the last.

    A row of PAD alone is free for "no caption", as guidance needs it.
    """
    width = prompts.counts.shape[1]
    before = connector_tokens(prompts.relation, width, tokens=self._tokens)
    phrases = self._phrases[np.maximum(prompts.counts - 1, 0), prompts.kinds]
    tokens = np.concatenate([before, phrases], axis=-1)
    tokens = np.where(prompts.counts[..., None] > 0, tokens, PAD)
    tokens = tokens.reshape(len(prompts), -1)
    return packed(tokens, length=self.caption_length(width))

  @functools.cached_property
  def _phrases(self) -> np.ndarray:
    """Tokens `[6, K, 3]` of a number and a name."""
    table = np.full((MOST_OBJECTS, len(self.names), 1 + NAME_WORDS), PAD)
    for row, number in enumerate(NUMBERS):
      for k, name in enumerate(self.names):
        phrase = f"{number} {plural(name)}" if row else _single(name)
        tokens = [self._tokens[word] for word in phrase.split()]
        table[row, k, : len(tokens)] = tokens
    return table

  def captions(self, prompts: Prompts) -> list[str]:
    """Returns the words of `caption_tokens`."""
    return texts(self.caption_tokens(prompts), self.words)

  def parse(self, captions: Sequence[str], *, max_groups: int = 3) -> Prompts:
    """Returns the prompts of captions; the inverse of `captions`.

    Raises:
      ValueError: a caption is not of the grammar, or has more groups.
    """
    prompts = Prompts(
      counts=np.zeros((len(captions), max_groups), np.int32),
      kinds=np.zeros((len(captions), max_groups), np.int32),
      relation=np.zeros(len(captions), np.int32),
    )
    for row, text in enumerate(captions):
      groups, relation = self._parse(text, max_groups)
      prompts.counts[row, : len(groups)] = [count for count, _ in groups]
      prompts.kinds[row, : len(groups)] = [kind for _, kind in groups]
      prompts.relation[row] = relation
    return prompts

  def _parse(
    self, text: str, max_groups: int
  ) -> tuple[list[tuple[int, int]], int]:
    """Returns (count, kind) of groups, and the relation."""
    parts = _CONNECTOR.split(text)
    groups = [self._meanings.get(part, (0, 0)) for part in parts[::2]]
    relations = [CONNECTORS.index(part.split()[0]) for part in parts[1::2]]
    first = relations[0] if relations else NO_RELATION
    alone = first == NO_RELATION or groups[0][0] == groups[1][0] == 1
    if (
      not len(groups) == len({kind for _, kind in groups}) <= max_groups
      or not all(count for count, _ in groups)
      or any(relations[1:])
      or not alone
      or sum(count for count, _ in groups) > MOST_OBJECTS
    ):
      example = f"{_single(self.names[0])} left of {_single(self.names[-1])}"
      raise ValueError(
        f"{text!r} is no caption of at most {max_groups} groups; write for "
        f"example {example!r}, at most {MOST_OBJECTS} emoji, no name twice, a "
        "place between two single emoji only."
      )
    return groups, first

  @functools.cached_property
  def _meanings(self) -> dict[str, tuple[int, int]]:
    """(count, kind) of phrases."""
    return {
      " ".join(self.words[token] for token in phrase if token != PAD): (
        count + 1,
        kind,
      )
      for count, row in enumerate(self._phrases.tolist())
      for kind, phrase in enumerate(row)
    }


def _single(name: str) -> str:
  return f"{article(name)} {name}"
