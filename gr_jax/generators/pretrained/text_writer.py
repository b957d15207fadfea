r"""Prompts of text and codes, of requests of a log.

A prompt says who the shopper is and what they bought, as codes, newest last;
then follows the request, and the codes of an ID are to follow that:

  Shopper: age 35-44, income 50-74K\n
  Bought:<a_3><b_7><c_1><a_9><b_0><c_2>\n
  Search: oat milk\nID:

  Next basket\nID:                            without a query
  Item: OATLY OAT MILK 64 OZ\nID:             the words of an item

Lines that nothing is known for are left out. The texts are ours [OURS]: the
papers do not print theirs.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from gr_jax.data.requests import Requests
from gr_jax.generators.pretrained.text_prompt import TextPrompt
from gr_jax.generators.pretrained.text_vocabulary import TextVocabulary
from gr_jax.generators.prompts.usual_items import UsualItems
from gr_jax.tokenizers.semantic_ids import SemanticIds

SHOPPER, BOUGHT, LINE = "Shopper:", "Bought:", "\n"
SEARCH, ITEM, NEXT, ID = "Search:", "Item:", "Next basket", "\nID:"


@dataclasses.dataclass(frozen=True)
class TextPromptConfig:
  """Sizes of a prompt of text.

  Attributes:
    history: the number of distinct items of the history that are kept.
    lookback: the number of latest events that are searched for them.
    facts_tokens: tokens of the line about the shopper, at most.
    query_tokens: tokens of a query's or an item's line, at most; its words lose
      their end, never the line its own.
  """

  history: int = 16
  lookback: int = 512
  facts_tokens: int = 48
  query_tokens: int = 24


class TextPromptWriter:
  """Writes prompts of requests as tokens, many at a time.

  Attributes:
    config: the sizes.
    item_tokens: `[N, L]`, the codes of every item, -1 after an early end.
    candidates: None: these generators read none.

  Args:
    requests: the users, events and queries.
    semantic_ids: the IDs of the catalogue that the events name.
    vocabulary: the tokens.
    config: the sizes.
  """

  candidates = None

  def __init__(
    self,
    requests: Requests,
    semantic_ids: SemanticIds,
    vocabulary: TextVocabulary,
    config: TextPromptConfig,
  ):
    self.config = config
    self._requests, self._vocabulary = requests, vocabulary
    self._usual = UsualItems(
      requests, history=config.history, lookback=config.lookback
    )
    self.item_tokens = _code_tokens(semantic_ids.codes, vocabulary)
    self._bought, self._line = (self._tokens(x) for x in (BOUGHT, LINE))
    self._facts = self._lines(
      [_said(facts) for facts in requests.profiles],
      SHOPPER,
      LINE,
      width=config.facts_tokens,
    )
    self._facts[[not facts for facts in requests.profiles]] = -1
    queries = self._lines(
      [vocabulary.query_text(query) for query in requests.queries], SEARCH, ID
    )
    # The last row answers the query -1.
    self._queries = np.concatenate((queries, self._lines([""], NEXT, ID)))

  def with_candidates(self, candidates: None) -> "TextPromptWriter":
    """This writer: there are no candidates."""
    assert candidates is None
    return self

  @property
  def num_tokens(self) -> int:
    """The size of the vocabulary, codes of semantic IDs included."""
    return self._vocabulary.size

  @property
  def length(self) -> int:
    """`S`: the positions of a prompt."""
    codes = self.config.history * self.item_tokens.shape[1]
    ends = len(self._bought) + len(self._line)
    return self.config.facts_tokens + codes + ends

  def queries(self, query: np.ndarray) -> np.ndarray:
    """Tokens `[..., Q]` of query rows `[...]`; -1 is the next basket."""
    return self._queries[query]

  def items(self, texts: Sequence[str]) -> np.ndarray:
    """Tokens `[N, Q]` that ask for the items of texts."""
    return self._lines(texts, ITEM, ID)

  def prompts(
    self,
    rows: np.ndarray,
    *,
    shown: np.ndarray,
    all_rows: np.ndarray | None = None,
  ) -> TextPrompt:
    """Prompts of request rows `[B]`; nobody is known where not `shown`.

    Args:
      rows: rows of the requests.
      shown: `[B]` bool.
      all_rows: not read.
    """
    del all_rows
    events, keep = self._usual(rows)
    keep &= shown[:, None]
    codes = self.item_tokens[self._requests.event_item[events]]
    codes = np.where(keep[..., None], codes, -1).reshape(len(rows), -1)
    some = keep.any(axis=1, keepdims=True)
    facts = self._facts[self._requests.user[rows]]
    tokens = np.concatenate(
      (
        np.where(shown[:, None], facts, -1),
        np.where(some, self._bought, -1),
        codes,
        np.where(some, self._line, -1),
      ),
      axis=1,
    )
    return TextPrompt(tokens.astype(np.int32))

  def _tokens(self, text: str) -> np.ndarray:
    found = self._vocabulary.text.tokenizer.encode(
      text, add_special_tokens=False
    )
    return np.array(found.ids, np.int32)

  def _lines(
    self,
    texts: Sequence[str],
    before: str,
    after: str,
    *,
    width: int | None = None,
  ) -> np.ndarray:
    """`[n, width]` tokens of `before`, a text and `after`; -1 behind them."""
    width = width or self.config.query_tokens
    last = self._tokens(after)
    room = width - len(last)
    if room < 4:
      raise ValueError(
        f"a line of {width} tokens has no room for words: raise "
        "generator.prompt.query_tokens and facts_tokens."
      )
    lines = [f"{before} {text}" if text else before for text in texts]
    found, mask = self._vocabulary.text.encode(lines, length=room)
    out = np.full((len(texts), width), -1, np.int32)
    out[:, :room][mask] = found[mask]
    places = mask.sum(axis=1)[:, None] + np.arange(len(last))
    np.put_along_axis(out, places, np.broadcast_to(last, places.shape), axis=1)
    return out


def _said(facts: Sequence[str]) -> str:
  """`"age_desc=35-44"` and its like as words."""
  return ", ".join(fact.replace("_", " ").replace("=", " ") for fact in facts)


def _code_tokens(codes: np.ndarray, vocabulary: TextVocabulary) -> np.ndarray:
  """Tokens of codes `[N, L]`: the end stands once, and nothing after it."""
  offsets = np.asarray(vocabulary.code_offsets, np.int32)
  ended = codes < 0
  before = np.pad(ended, ((0, 0), (1, 0)))[:, :-1]
  end = np.where(before, -1, vocabulary.offsets["end"])
  return np.where(ended, end, codes + offsets).astype(np.int32)
