"""Prompts: the shopper (profile), the purchases (history), the request.

Every position holds a few tokens, and its embedding is their sum: the profile
is one position, each distinct item of the history is one (its codes, how long
ago it was last bought, how often), the query's words are one. `UsualItems` says
which items stay of a long history `[OURS]`; the papers spend one position per
token on the latest items, and GenRec merges tokens with a learned map.
"""

import copy
import dataclasses
from typing import Self

import numpy as np
from flax import struct

from gr_jax.candidates.candidates import Candidates
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.requests import Requests
from gr_jax.generators.prompts.usual_items import UsualItems
from gr_jax.generators.prompts.vocabulary import NEXT_BASKET, Vocabulary
from gr_jax.tokenizers.semantic_ids import SemanticIds


@struct.dataclass
class Prompt:
  """Rows of tokens, -1 = none; `S = 1 + history length`.

  Attributes:
    profile: `[B, 1, Wp]`.
    history: `[B, S - 1, L + 2]`, newest last, padded on the left.
    mask: `[B, S]`, True where a position says something.
    candidates: items that may answer; None where the generator reads none.
  """

  profile: np.ndarray
  history: np.ndarray
  mask: np.ndarray
  candidates: Candidates | None = None


@dataclasses.dataclass(frozen=True)
class PromptConfig:
  """Sizes of a prompt.

  Attributes:
    history: the number of distinct items of the history that are kept.
    lookback: the number of latest events that are searched for them.
    query_words: the number of words of a query that are read.
    user_buckets: the number of hashed user tokens.
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


class PromptWriter:
  """Writes prompts of requests as token arrays, many at a time.

  Args:
    requests: the users, events and queries.
    semantic_ids: the IDs of the catalogue that the events name.
    vocabulary: the tokens.
    config: the sizes.
    candidates: writes the candidates; None leaves them out.
  """

  def __init__(
    self,
    requests: Requests,
    semantic_ids: SemanticIds,
    vocabulary: Vocabulary,
    config: PromptConfig,
    candidates: CandidateWriter | None = None,
  ):
    self.config = config
    self.candidates = candidates
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
    self._usual = UsualItems(
      requests, history=config.history, lookback=config.lookback
    )

  def with_candidates(self, candidates: CandidateWriter | None) -> Self:
    """This writer with another writer of candidates."""
    found = copy.copy(self)
    found.candidates = candidates
    return found

  @property
  def num_tokens(self) -> int:
    """The size of the vocabulary, codes of semantic IDs included."""
    return self._vocabulary.size

  def queries(self, query: np.ndarray) -> np.ndarray:
    """Tokens of query rows `[...]`: `[..., Wq]`; -1 is the next basket."""
    return self._queries[query]

  def prompts(
    self,
    rows: np.ndarray,
    *,
    shown: np.ndarray,
    all_rows: np.ndarray | None = None,
  ) -> Prompt:
    """Prompts of request rows `[B]`; nobody is known where not `shown`.

    Args:
      rows: rows of the requests.
      shown: `[B]` bool.
      all_rows: `[B, P]` rows of the same user and history as each row, whose
        candidates are written; None writes those of the rows.
    """
    requests, vocabulary = self._requests, self._vocabulary
    events, keep = self._usual(rows)
    keep &= shown[:, None]
    age = requests.time[rows][:, None] - requests.event_time[events]
    history = np.concatenate(
      (
        self.item_tokens[requests.event_item[events]],
        vocabulary.age_tokens(age)[..., None],
        vocabulary.count_tokens(self._usual.counts[events])[..., None],
      ),
      axis=-1,
    )
    profile = np.where(shown[:, None], self._profiles[requests.user[rows]], -1)
    known = (profile >= 0).any(axis=1, keepdims=True)
    return Prompt(
      profile=profile[:, None].astype(np.int32),
      history=np.where(keep[..., None], history, -1).astype(np.int32),
      mask=np.concatenate((known, keep), axis=1),
      candidates=self.candidates
      and self.candidates(
        rows[:, None] if all_rows is None else all_rows, shown=shown
      ),
    )
