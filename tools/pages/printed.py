"""Numbers as pages print them: found, read and written again."""

import dataclasses
import re
from collections.abc import Sequence

# A digit inside a word is a name (float32, nDCG@10, v5e), not a number.
_NUMBER = r"(?>[+-]?\d(?:[\d,]*\d)?(?:\.\d+)?)"
_FIGURE = re.compile(
  rf"(?<![\w@])(?P<value>{_NUMBER})(?![a-zA-Z_])(?P<rest>(?:\*\*)?(?:\s%)?)"
  rf"(?:(?P<gap>\s+\[)(?P<low>{_NUMBER})(?P<comma>,\s+)(?P<high>{_NUMBER})\])?"
)
# What no page prints figures in.
_HIDDEN = re.compile(
  r"```.*?```|^    .*?$|`(?:[^`\n]|\n(?!\n))*`|<!--.*?-->|(?<=\])\([^)\s]*\)",
  re.DOTALL | re.MULTILINE,
)
# Numbers of any page that are no measurements: what, and how they look.
NO_MEASUREMENT = {
  "number of a paper": r"arXiv\s+\d{4}\.\d{5}(?:,\s+\d{4}\.\d{5})*",
  "level of an interval": r"\b95\s+%(?=\s+(?:bootstrap\s+)?intervals?\b)",
  "cutoff of a metric": r"\bat\s+10?0?\b(?!\s?%|[.,]?\d)",
  "commit": r"\b(?=\d*[a-f])[0-9a-f]{7,12}\b",
}


@dataclasses.dataclass(frozen=True)
class Printed:
  """A number of a page, with its interval where one follows.

  Attributes:
    start: where it begins in the text.
    text: as it is printed.
    parts: value, low and high as they are printed; the last two may be "".
    between: what stands after value, low and high, in this order.
  """

  start: int
  text: str
  parts: tuple[str, str, str]
  between: tuple[str, str, str]

  @property
  def end(self) -> int:
    return self.start + len(self.text)

  def with_values(self, values: Sequence[float | None], signed: bool) -> str:
    """The same form with other values.

    Args:
      values: value, low and high.
      signed: whether a value above 0 has a plus.

    Raises:
      ValueError: an interval is printed and `values` has none.
    """
    shown = []
    for part, value in zip(self.parts, values):
      if part and value is None:
        raise ValueError("it has no interval")
      shown.append(_as(part, value, "+" if signed else "") if part else "")
    return "".join(map("".join, zip(shown, self.between)))

  @property
  def has_sign(self) -> bool:
    return any(part.startswith(("+", "-")) for part in self.parts)


def _as(part: str, value: float, sign: str) -> str:
  digits = len(part.partition(".")[2])
  return f"{value:{sign},.{digits}f}"


def figures(text: str, ignored: Sequence[str] = ()) -> list[Printed]:
  """All numbers of a page in their order, but those that measure nothing.

  Code, links, comments and `NO_MEASUREMENT` are left out.

  Args:
    text: the page.
    ignored: phrases of this page whose numbers measure nothing.
  """
  for pattern in (_HIDDEN, *NO_MEASUREMENT.values()):
    text = re.sub(pattern, _blank, text)
  for phrase in ignored:
    text = phrase_pattern(phrase).sub(_blank, text)
  return [
    Printed(
      found.start(),
      found[0],
      (found["value"], found["low"] or "", found["high"] or ""),
      (
        found["rest"] + (found["gap"] or ""),
        found["comma"] or "",
        "]" if found["high"] else "",
      ),
    )
    for found in _FIGURE.finditer(text)
  ]


def phrase_pattern(phrase: str) -> re.Pattern:
  """The phrase, wherever its lines are broken."""
  words = r"\s+".join(map(re.escape, phrase.split()))
  return re.compile(rf"(?<!\w){words}(?!\w)")


def _blank(found: re.Match) -> str:
  return re.sub(r"[^\n]", " ", found[0])
