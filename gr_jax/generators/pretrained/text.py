"""Text as tokens of a `tokenizer.json`, and new tokens for semantic IDs.

Codes are tokens by level: `<a_0>`, `<a_1>`, ... of the first, `<b_0>`, ... of
the second. An ID is then a text, and prompts hold words and IDs together.
"""

import dataclasses
import pathlib
import string
from collections.abc import Sequence

import numpy as np
import tokenizers

from gr_jax.generators.pretrained.extended import NewTokens

_FILE = "tokenizer.json"


@dataclasses.dataclass(frozen=True)
class TextTokens:
  """A tokenizer with fixed lengths and masks.

  Attributes:
    tokenizer: that of the package `tokenizers`.
  """

  tokenizer: tokenizers.Tokenizer

  @property
  def size(self) -> int:
    """The number of tokens."""
    return self.tokenizer.get_vocab_size()

  def encode(
    self, texts: Sequence[str], *, length: int, keep_end: bool = False
  ) -> tuple[np.ndarray, np.ndarray]:
    """Tokens `[B, length]` int32 and their mask, padding (0) at the end.

    Nothing is added before or after a text.

    Args:
      texts: the texts.
      length: tokens of each; what is more is left out.
      keep_end: leaves out the first tokens of a long text, not the last ones.
    """
    tokens = np.zeros((len(texts), length), np.int32)
    mask = np.zeros((len(texts), length), bool)
    found = self.tokenizer.encode_batch_fast(
      list(texts), add_special_tokens=False
    )
    for row, one in enumerate(found):
      ids = one.ids[-length:] if keep_end else one.ids[:length]
      tokens[row, : len(ids)] = ids
      mask[row, : len(ids)] = True
    return tokens, mask

  def decode(self, tokens: np.ndarray, mask: np.ndarray) -> list[str]:
    """The texts of tokens `[B, T]` where the mask `[B, T]` is True."""
    rows = [row[kept].tolist() for row, kept in zip(tokens, mask)]
    return self.tokenizer.decode_batch(rows, skip_special_tokens=False)

  def with_codes(
    self,
    level_sizes: Sequence[int],
    *,
    ends: bool = False,
    page_ends: int = 0,
  ) -> tuple["TextTokens", NewTokens]:
    """A tokenizer with a token for every code, and which tokens these are.

    The codes of level `l` begin at `new.first + sum(level_sizes[:l])`.

    Args:
      level_sizes: the number of codes per level.
      ends: whether IDs may end early; `<end>` then follows all codes.
      page_ends: 1 where pages end with a token; `<page_end>` is then the last.

    Raises:
      ValueError: a code is a token already, or there are too many levels.
    """
    names = code_names(level_sizes)
    names += ["<end>"] * ends + ["<page_end>"] * page_ends
    known = [n for n in names if self.tokenizer.token_to_id(n) is not None]
    if known:
      raise ValueError(f"the tokenizer has a token {known[0]} already.")
    first = self.size
    extended = tokenizers.Tokenizer.from_str(self.tokenizer.to_str())
    extended.add_tokens(
      [tokenizers.AddedToken(name, normalized=False) for name in names]
    )
    return TextTokens(extended), NewTokens(first, len(names))

  def save(self, folder: pathlib.Path | str) -> None:
    """Writes `tokenizer.json` into a folder."""
    self.tokenizer.save(str(pathlib.Path(folder) / _FILE))


def read_tokenizer(folder: pathlib.Path | str) -> TextTokens:
  """Reads `tokenizer.json` of a folder.

  Raises:
    FileNotFoundError: there is none.
    ValueError: it cannot be read.
  """
  path = pathlib.Path(folder) / _FILE
  if not path.exists():
    raise FileNotFoundError(f"{folder} has no {_FILE}.")
  try:
    found = tokenizers.Tokenizer.from_file(str(path))
  except Exception as error:  # The package raises Exception itself.
    raise ValueError(f"{path} is no tokenizer: {error}.") from None
  found.no_padding()
  found.no_truncation()
  return TextTokens(found)


def code_names(level_sizes: Sequence[int]) -> list[str]:
  """`<a_0>`, `<a_1>`, ..., level by level.

  Raises:
    ValueError: there are more levels than letters.
  """
  letters = string.ascii_lowercase
  if len(level_sizes) > len(letters):
    raise ValueError(
      f"{len(level_sizes)} levels; codes have names for {len(letters)}."
    )
  return [
    f"<{letter}_{code}>"
    for letter, size in zip(letters, level_sizes)
    for code in range(size)
  ]
