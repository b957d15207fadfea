"""The tokens of a generator: those of prompts, then the codes of every level.

One table of embeddings serves all of them. In order: the token for the next
basket, hashed users, ages and counts of purchases, facts about users,
hashed unknown words, words, the end of a page where pages are learned, and the
codes of level 1, 2, ... `[OURS]`.

A query's words are read as `gr_jax.text.known_words` says, in training and in
serving alike: "cofee" has the token of "coffee", "icecream" those of two words.
"""

import collections
import dataclasses
import functools
import json
import pathlib
import zlib
from collections.abc import Iterable

import numpy as np

from gr_jax.text.known_words import KnownWords
from gr_jax.text.words import split_words

NEXT_BASKET = 0


@dataclasses.dataclass(frozen=True)
class Vocabulary:
  """Token numbers, block after block.

  Attributes:
    words: known words, most frequent first.
    facts: known `field=value` facts of profiles.
    level_sizes: codes per level of the semantic IDs.
    user_buckets: hashed user tokens (TIGER, section 3.2), 0 for none.
    age_buckets: tokens for how long ago something was bought.
    count_buckets: tokens for how often it was bought.
    unknown_buckets: hashed tokens for words that nothing known is like.
    page_ends: tokens that say that a page ends, 1 where pages are learned.
  """

  words: tuple[str, ...]
  facts: tuple[str, ...]
  level_sizes: tuple[int, ...]
  user_buckets: int = 2000
  age_buckets: int = 20
  count_buckets: int = 8
  unknown_buckets: int = 64
  page_ends: int = 0

  @functools.cached_property
  def offsets(self) -> dict[str, int]:
    """First token of every block of prompt tokens, and their total."""
    sizes = {
      "next_basket": 1,
      "user": self.user_buckets,
      "age": self.age_buckets,
      "count": self.count_buckets,
      "fact": len(self.facts),
      "unknown": self.unknown_buckets,
      "word": len(self.words),
      "page_end": self.page_ends,
    }
    ends = np.cumsum(list(sizes.values())).tolist()
    return dict(zip([*sizes, "codes"], [0, *ends]))

  @property
  def prompt_size(self) -> int:
    """Number of tokens that are not codes."""
    return self.offsets["codes"]

  @property
  def code_offsets(self) -> tuple[int, ...]:
    """First token of every level's codes."""
    starts = np.cumsum([self.prompt_size, *self.level_sizes[:-1]])
    return tuple(starts.tolist())

  @property
  def size(self) -> int:
    return self.prompt_size + sum(self.level_sizes)

  @functools.cached_property
  def _word_numbers(self) -> dict[str, int]:
    return {word: i for i, word in enumerate(self.words)}

  @functools.cached_property
  def _fact_numbers(self) -> dict[str, int]:
    return {fact: i for i, fact in enumerate(self.facts)}

  @functools.cached_property
  def known_words(self) -> KnownWords:
    """Reads typed words as those that have tokens."""
    return KnownWords(self.words)

  def query_tokens(self, query: str) -> list[int]:
    """Tokens of the words of a query, as read; the unknown are hashed."""
    numbers, offsets = self._word_numbers, self.offsets
    tokens = []
    for word, known in self.known_words.read(query):
      tokens += [offsets["word"] + numbers[each] for each in known]
      if not known:
        unknown = _hash(word, self.unknown_buckets)
        tokens.append(offsets["unknown"] + unknown)
    return tokens

  def profile_tokens(self, user_id: str, facts: Iterable[str]) -> list[int]:
    """The hashed user token, then the known facts."""
    known, offsets = self._fact_numbers, self.offsets
    user = (
      [offsets["user"] + _hash(user_id, self.user_buckets)]
      if self.user_buckets
      else []
    )
    return user + [offsets["fact"] + known[f] for f in facts if f in known]

  def age_tokens(self, seconds: np.ndarray) -> np.ndarray:
    """Two buckets per doubling of the age in days."""
    days = np.maximum(seconds, 0) / 86_400
    bucket = np.rint(2 * np.log2(1 + days)).astype(np.int32)
    return self.offsets["age"] + np.minimum(bucket, self.age_buckets - 1)

  def count_tokens(self, counts: np.ndarray) -> np.ndarray:
    """One bucket per doubling of the count, from 1 on."""
    bucket = np.floor(np.log2(np.maximum(counts, 1))).astype(np.int32)
    return self.offsets["count"] + np.minimum(bucket, self.count_buckets - 1)

  def code_tokens(self, codes: np.ndarray) -> np.ndarray:
    """`[..., L]` codes to tokens; -1 stays -1."""
    offsets = np.asarray(self.code_offsets, np.int32)
    return np.where(codes >= 0, codes + offsets, -1).astype(np.int32)

  def save(self, path: pathlib.Path) -> None:
    path.write_text(json.dumps(dataclasses.asdict(self)))

  @classmethod
  def load(cls, path: pathlib.Path) -> "Vocabulary":
    stored = json.loads(path.read_text())
    lists = ("words", "facts", "level_sizes")
    return cls(**stored | {name: tuple(stored[name]) for name in lists})


def _hash(text: str, buckets: int) -> int:
  return zlib.crc32(text.encode()) % buckets


def build_vocabulary(
  queries: Iterable[str],
  profiles: Iterable[tuple[str, ...]],
  level_sizes: tuple[int, ...],
  *,
  user_buckets: int,
  max_words: int = 30_000,
  page_ends: int = 0,
) -> Vocabulary:
  """Words and facts that training saw, most frequent first, ties by name."""
  facts = sorted({fact for profile in profiles for fact in profile})
  return Vocabulary(
    words=ranked_words(queries, most=max_words),
    facts=tuple(facts),
    level_sizes=level_sizes,
    user_buckets=user_buckets,
    page_ends=page_ends,
  )


def ranked_words(
  queries: Iterable[str], *, most: int | None = None
) -> tuple[str, ...]:
  """The words of queries, most frequent first, ties by name."""
  words = collections.Counter(w for q in queries for w in split_words(q))
  ranked = sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))
  return tuple(word for word, _ in ranked[:most])
