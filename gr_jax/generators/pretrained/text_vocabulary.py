"""The tokens of a generator that reads text: a model's own, and those of codes.

It has the words and facts of the log's own `Vocabulary` beside it: queries are
read as that reads them ("cofee" becomes "coffee"), and pages show its facts.
"""

import dataclasses
import functools
import pathlib
from typing import Self

from gr_jax.generators.pretrained.extended import NewTokens
from gr_jax.generators.pretrained.text import TextTokens, read_tokenizer
from gr_jax.generators.prompts.vocabulary import Vocabulary
from gr_jax.text.known_words import KnownWords


@dataclasses.dataclass(frozen=True)
class TextVocabulary:
  """Words, facts and codes, and the tokens of any text.

  Attributes:
    log: the words and facts of the log, and the levels of the IDs.
    text: the tokenizer, with the new tokens.
    ends: whether IDs may end early.
  """

  log: Vocabulary
  text: TextTokens
  ends: bool

  @classmethod
  def make(cls, log: Vocabulary, base: TextTokens, *, ends: bool) -> Self:
    """The vocabulary of a model's tokenizer and of a log.

    Args:
      log: what training saw.
      base: the tokenizer as it was read.
      ends: whether IDs may end early.

    Raises:
      ValueError: the tokenizer has codes already.
    """
    text, _ = base.with_codes(
      log.level_sizes, ends=ends, page_ends=log.page_ends
    )
    return cls(log, text, ends)

  @property
  def new(self) -> NewTokens:
    """The codes, `<end>` where IDs may end early, the page's end if any."""
    count = sum(self.level_sizes) + self.ends + self.log.page_ends
    return NewTokens(self.text.size - count, count)

  @property
  def level_sizes(self) -> tuple[int, ...]:
    """The number of codes per level."""
    return self.log.level_sizes

  @property
  def words(self) -> tuple[str, ...]:
    """The words of the training queries."""
    return self.log.words

  @property
  def facts(self) -> tuple[str, ...]:
    """The facts of the training users."""
    return self.log.facts

  @property
  def known_words(self) -> KnownWords:
    """Reads typed words as those of the training queries."""
    return self.log.known_words

  @property
  def prompt_size(self) -> int:
    """The number of tokens that are no codes."""
    return self.new.first

  @property
  def size(self) -> int:
    """The number of all tokens."""
    return self.text.size

  @functools.cached_property
  def offsets(self) -> dict[str, int]:
    """The first code, the end of an ID and the end of a page.

    The last two are there where they are tokens; else they are `size`.
    """
    codes = self.new.first
    end = codes + sum(self.level_sizes)
    return {"codes": codes, "end": end, "page_end": end + self.ends}

  @property
  def code_offsets(self) -> tuple[int, ...]:
    """The first token of every level's codes."""
    sizes, first = self.level_sizes, self.new.first
    return tuple(first + sum(sizes[:level]) for level in range(len(sizes)))

  def query_text(self, query: str) -> str:
    """A query as it is read: known words, and the others as they are."""
    return " ".join(
      " ".join(each.known) if each.known else each.word
      for each in self.known_words.read(query)
    )

  def save(self, path: pathlib.Path) -> None:
    """Writes `path` and, beside it, `tokenizer.json`."""
    self.log.save(path)
    self.text.save(path.parent)

  @classmethod
  def load(cls, path: pathlib.Path) -> Self:
    """Reads what `save` wrote."""
    text = read_tokenizer(path.parent)
    ends = text.tokenizer.token_to_id("<end>") is not None
    return cls(Vocabulary.load(path), text, ends)
