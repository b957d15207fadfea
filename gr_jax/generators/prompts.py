"""Prompts: who asks (profile), what they bought (history), what they want.

Every position holds a few tokens, and its embedding is their sum: the profile
is one position, each distinct item of the history is one (its codes, how long
ago it was last bought, how often), the query's words are one. A household's
year then fits in as many positions as it knows items. Our design; the papers
spend one position per token, and GenRec merges them with a learned map.
"""

import dataclasses

import numpy as np
from flax import struct

from gr_jax.data.requests import Requests
from gr_jax.generators.vocabulary import NEXT_BASKET, Vocabulary
from gr_jax.tokenizers.semantic_ids import SemanticIds


@struct.dataclass
class Prompt:
  """Rows of tokens, -1 = none; `S = 1 + history length`.

  Attributes:
    profile: `[B, 1, Wp]`.
    history: `[B, S - 1, L + 2]`, newest last, padded on the left.
    mask: `[B, S]`, True where a position says something.
  """

  profile: np.ndarray
  history: np.ndarray
  mask: np.ndarray


@dataclasses.dataclass(frozen=True)
class PromptConfig:
  """Sizes of a prompt.

  Attributes:
    history: distinct items of the history that are kept, the latest ones.
    lookback: events that are searched for them.
    query_words: words of a query that are read.
    user_buckets: hashed user tokens.
  """

  history: int = 64
  lookback: int = 512
  query_words: int = 8
  user_buckets: int = 2000


def _padded(rows: list[list[int]], width: int) -> np.ndarray:
  """`[R, width]` int32, cut or filled with -1 on the right."""
  out = np.full((len(rows), width), -1, np.int32)
  for row, tokens in zip(out, rows):
    kept = tokens[:width]
    row[: len(kept)] = kept
  return out


def _occurrences(requests: Requests) -> tuple[np.ndarray, np.ndarray]:
  """Per event: the user's next event of the same item, and its number so far.

  An event is the last one of its item in a history that ends at `e` exactly
  where its next occurrence is at `e` or later, and then its number is the
  count of that item in the history.
  """
  num_events = len(requests.event_item)
  user = np.repeat(
    np.arange(len(requests.user_ids)), np.diff(requests.user_offsets)
  )
  order = np.lexsort((np.arange(num_events), requests.event_item, user))
  same = (user[order][1:] == user[order][:-1]) & (
    requests.event_item[order][1:] == requests.event_item[order][:-1]
  )
  following = np.full(num_events, num_events, np.int64)
  following[order[:-1][same]] = order[1:][same]
  starts = np.flatnonzero(np.concatenate(([True], ~same)))[:num_events]
  number = np.empty(num_events, np.int64)
  run = np.diff(np.append(starts, num_events))
  number[order] = np.arange(num_events) - np.repeat(starts, run) + 1
  return following, number


class PromptWriter:
  """Writes prompts of requests as token arrays, many at a time.

  Args:
    requests: users, events and queries.
    semantic_ids: of the catalogue that the events name.
    vocabulary: the tokens.
    config: sizes.
  """

  def __init__(
    self,
    requests: Requests,
    semantic_ids: SemanticIds,
    vocabulary: Vocabulary,
    config: PromptConfig,
  ):
    self.config = config
    self._requests = requests
    self._vocabulary = vocabulary
    self.item_tokens = vocabulary.code_tokens(semantic_ids.codes)
    profiles = [
      vocabulary.profile_tokens(user, facts)
      for user, facts in zip(requests.user_ids, requests.profiles)
    ]
    widest = max(map(len, profiles), default=0)
    self._profiles = _padded(profiles, max(1, widest))
    # The last row answers the query -1: no query, the next basket.
    self._queries = _padded(
      [*map(vocabulary.query_tokens, requests.queries), [NEXT_BASKET]],
      config.query_words,
    )
    self._following, self._number = _occurrences(requests)

  def queries(self, query: np.ndarray) -> np.ndarray:
    """Tokens of query rows `[...]`: `[..., Wq]`; -1 asks for a basket."""
    return self._queries[query]

  def prompts(self, rows: np.ndarray, *, shown: np.ndarray) -> Prompt:
    """Prompts of request rows `[B]`; nobody is known where not `shown`."""
    requests, vocabulary = self._requests, self._vocabulary
    events, keep = self._latest_distinct(rows)
    keep &= shown[:, None]
    age = requests.time[rows][:, None] - requests.event_time[events]
    history = np.concatenate(
      (
        self.item_tokens[requests.event_item[events]],
        vocabulary.age_tokens(age)[..., None],
        vocabulary.count_tokens(self._number[events])[..., None],
      ),
      axis=-1,
    )
    profile = np.where(shown[:, None], self._profiles[requests.user[rows]], -1)
    known = (profile >= 0).any(axis=1, keepdims=True)
    return Prompt(
      profile=profile[:, None].astype(np.int32),
      history=np.where(keep[..., None], history, -1).astype(np.int32),
      mask=np.concatenate((known, keep), axis=1),
    )

  def _latest_distinct(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Events `[B, H]` and which of them are there; newest last."""
    end = self._requests.history_end[rows]
    start = self._requests.user_offsets[self._requests.user[rows]]
    length = self.config.history
    events = end[:, None] - np.arange(1, self.config.lookback + 1)
    there = events >= start[:, None]
    events = np.where(there, events, 0)
    last = there & (self._following[events] >= end[:, None])
    place = np.cumsum(last, axis=1) - 1
    row, column = np.nonzero(last & (place < length))
    kept = np.zeros((len(rows), length), np.int64)
    mask = np.zeros((len(rows), length), bool)
    slot = length - 1 - place[row, column]
    kept[row, slot] = events[row, column]
    mask[row, slot] = True
    return kept, mask
