"""Words of an item's own text in place of the query that led to it.

Queries of a log name few of the words that people type. With a share of the
targets, the query is a few words of the target's text [OURS], so that every
word of the catalogue is learned, alone and with others, also where the log has
no query at all:

    n uniform in 1 .. min(4, W_q, words of the text)
    n words without repeats, drawn with the weights of TF-IDF,
    w(t, i) = log(1 + tf(t, i)) ln(N / df(t))

An item whose words are all in every text keeps its query.
"""

import collections
from collections.abc import Sequence

import numpy as np

from gr_jax.generators.prompts.vocabulary import Vocabulary
from gr_jax.text.words import split_words

_MOST_DRAWN = 4  # Few typed queries have more words.
_MOST_KEPT = 32  # Of a long text, those of the largest weight.


class TextQueries:
  """Replaces queries by words of texts.

  Args:
    texts: the texts of `N` items.
    vocabulary: words that it has no token for are never drawn.
    share: the share of targets whose query is replaced.

  Raises:
    ValueError: the share is not in 0 .. 1.
  """

  def __init__(
    self, texts: Sequence[str], vocabulary: Vocabulary, *, share: float
  ):
    if not 0 <= share <= 1:
      raise ValueError(f"text_share is {share}; give a share from 0 to 1.")
    self.share = share
    counts = [collections.Counter(split_words(text)) for text in texts]
    found = collections.Counter(word for each in counts for word in each)
    known = set(vocabulary.words)
    rows = [
      sorted(
        (
          (np.log1p(count) * np.log(len(texts) / found[word]), word)
          for word, count in each.items()
          if word in known and found[word] < len(texts)
        ),
        reverse=True,
      )[:_MOST_KEPT]
      for each in counts
    ]
    width = max(map(len, rows), default=0)
    # `[N, W]` tokens and weights, -1 and 0 where a text has fewer words.
    self._tokens = np.full((len(texts), max(1, width)), -1, np.int32)
    self._weights = np.zeros(self._tokens.shape, np.float32)
    for tokens, weights, row in zip(self._tokens, self._weights, rows):
      for place, (weight, word) in enumerate(row):
        (tokens[place],) = vocabulary.query_tokens(word)
        weights[place] = weight

  def __call__(
    self, queries: np.ndarray, item: np.ndarray, rng: np.random.Generator
  ) -> np.ndarray:
    """Queries `[B, P, Wq]`, some of them replaced by words of `item [B, P]`."""
    tokens, weights = self._tokens[item], self._weights[item]
    width = queries.shape[-1]
    words = (weights > 0).sum(axis=-1)
    most = np.minimum(words, min(_MOST_DRAWN, width))
    wanted = 1 + (rng.random(item.shape) * most).astype(np.int64)
    # The largest of these are a draw without repeats (Efraimidis, Spirakis).
    with np.errstate(divide="ignore"):
      keys = np.log(rng.random(tokens.shape)) / weights
    order = np.argsort(-keys, axis=-1, kind="stable")[..., :width]
    drawn = np.take_along_axis(tokens, order, axis=-1)
    drawn[np.arange(drawn.shape[-1]) >= wanted[..., None]] = -1
    made = np.full(queries.shape, -1, queries.dtype)
    made[..., : drawn.shape[-1]] = drawn
    replaced = (rng.random(item.shape) < self.share) & (words > 0)
    return np.where(replaced[..., None], made, queries)
