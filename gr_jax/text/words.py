"""Words of texts in any script.

BM25, the vocabulary of prompts and the queries of documents read texts by the
same rule ([OURS]; that of Lucene's CJK analyzer for scripts without blanks):

1. Compatible forms become one (Unicode NFKC), letters lose their case
   (`str.casefold`), and invisible joiners go.
2. A word is a run of letters, digits, underscores, and the combining marks on
   them: the vowels of Hindi stay.
3. Han, kana, Thai, Lao, Khmer and Myanmar letters are written without blanks
   between words. A run of them is cut into overlapping pairs, its marks with
   their letters; a letter alone is a word.
"""

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence

# Blocks of scripts without blanks; of these the letters count.
_UNSPACED = (
  (0x0E00, 0x0EFF),  # Thai, Lao
  (0x1000, 0x109F),  # Myanmar
  (0x1780, 0x17FF),  # Khmer
  (0x3005, 0x3007),  # Han, as are those from 0x3400 on
  (0x3040, 0x30FF),  # Kana
  (0x31F0, 0x31FF),
  (0x3400, 0x4DBF),
  (0x4E00, 0x9FFF),
  (0xA9E0, 0xA9FF),  # Myanmar
  (0xAA60, 0xAA7F),
  (0xF900, 0xFAFF),
  (0x20000, 0x323AF),
)
_MARKED = ((0x0300, 0x1FFFF), (0xE0100, 0xE01EF))
_JOINERS = str.maketrans("", "", "\u00ad\u200c\u200d")  # And soft hyphens.
# Lucene's list for English.
STOP_WORDS = frozenset((
  "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in",
  "into", "is", "it", "no", "not", "of", "on", "or", "such", "that", "the",
  "their", "then", "there", "these", "they", "this", "to", "was", "will",
  "with",
))  # fmt: skip

# Further words that people put around what they look for.
FILLERS = frozenset((
  "any", "do", "from", "i", "me", "my", "some", "want", "we", "without", "you",
  "your",
))  # fmt: skip

_ASCII_PIECE = re.compile(r"\S+ ?")
_ASCII_WORD = re.compile(r"\w+", re.ASCII)


def split_words(text: str) -> list[str]:
  """Returns the words of a text in their order, pairs for unspaced scripts."""
  return _words(text, singles=False)


def index_words(text: str) -> list[str]:
  """Returns `split_words`, and each letter of unspaced runs besides.

  For the texts that are searched, so that a query of one letter finds them.
  """
  return _words(text, singles=True)


def text_pieces(text: str) -> list[str]:
  """Cuts a text where a part of it may begin or end; joined, they are it.

  A piece ends with a blank, or is one letter of a script without blanks. Of
  neighbouring blanks one stays.
  """
  text = " ".join(text.split())
  if text.isascii():
    return _ASCII_PIECE.findall(text)
  return _patterns().piece.findall(text)


def is_unspaced(word: str) -> bool:
  """Returns True for a word of a script without blanks."""
  return not word.isascii() and _patterns().unit.match(word) is not None


def plain_text(text: str) -> str:
  """Its words with one blank between: the same for texts of the same words."""
  return " ".join(split_words(text))


def content_words(words: Sequence[str]) -> list[str]:
  """The words without stop words and single letters of spaced scripts."""
  return [
    word
    for word in words
    if (len(word) > 1 or is_unspaced(word)) and word not in STOP_WORDS
  ]


def _words(text: str, *, singles: bool) -> list[str]:
  if text.isascii():
    return _ASCII_WORD.findall(text.lower())
  text = unicodedata.normalize("NFKC", text.translate(_JOINERS)).casefold()
  found = []
  for match in _patterns().word.finditer(text):
    run = match["run"]
    if run is None:
      found.append(match[0])
      continue
    units = _patterns().unit.findall(run)
    found += map("".join, itertools.pairwise(units))
    if singles or len(units) == 1:
      found += units
  return found


class _Patterns:
  """The patterns of a `unit`, a `word` and a `piece`.

  A unit is a letter of a script without blanks with its marks; a word may be a
  `run` of them.
  """

  def __init__(self):
    marks = _class(_MARKED, ("Mn", "Mc"))
    letters = _class(_UNSPACED, ("Lo", "Lm", "Nl"))
    unit = f"[{letters}][{marks}]*"
    self.unit = re.compile(unit)
    self.piece = re.compile(rf"(?:{unit}|[^\s{letters}]+) ?")
    self.word = re.compile(
      rf"(?P<run>(?:{unit})+)|[^\W{letters}](?:[^\W{letters}]|[{marks}])*"
    )


@functools.cache
def _patterns() -> _Patterns:
  return _Patterns()


def _class(
  blocks: Iterable[tuple[int, int]], categories: tuple[str, ...]
) -> str:
  """Writes the characters of categories as ranges of a character class."""
  ranges: list[list[int]] = []
  for first, last in blocks:
    for code in range(first, last + 1):
      if unicodedata.category(chr(code)) in categories:
        if ranges and ranges[-1][1] == code - 1:
          ranges[-1][1] = code
        else:
          ranges.append([code, code])
  return "".join(f"{chr(a)}-{chr(b)}" for a, b in ranges)
