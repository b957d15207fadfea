"""Names of emoji as words of captions."""

import re

from gr_jax.data.worlds.scenes.captions import CONNECTORS, NUMBERS

NAME_WORDS = 2
# Words that join or count groups are no part of a name.
RESERVED = frozenset((*NUMBERS, *CONNECTORS, "an", "of"))
_PLURALS = {
  "bison": "bison",
  "deer": "deer",
  "fish": "fish",
  "goose": "geese",
  "knife": "knives",
  "leaf": "leaves",
  "loaf": "loaves",
  "man": "men",
  "moose": "moose",
  "mouse": "mice",
  "ox": "oxen",
  "potato": "potatoes",
  "sheep": "sheep",
  "snowman": "snowmen",
  "tomato": "tomatoes",
  "tooth": "teeth",
  "wolf": "wolves",
  "woman": "women",
}


def is_plain(name: str) -> bool:
  """Says whether a name can be counted in a caption.

  It has one or two words of letters a to z, none of them reserved, and is no
  plural: what ends in s has to end in ss or us, as "cactus" does.
  """
  words = name.split(" ")
  return (
    len(words) <= NAME_WORDS
    and all(re.fullmatch("[a-z]+", word) for word in words)
    and not RESERVED & set(words)
    and re.search(r"(?<![su])s$", name) is None
  )


def article(name: str) -> str:
  """Returns "a" or "an"; "unicorn" is heard with a consonant."""
  vowel = name[0] in "aeiou" and not re.match("uni|eu|one|use", name)
  return "an" if vowel else "a"


def plural(name: str) -> str:
  """Returns a name with its last word in the plural."""
  before, _, noun = name.rpartition(" ")
  if noun in _PLURALS:
    noun = _PLURALS[noun]
  elif re.search("(s|x|z|ch|sh)$", noun):
    noun += "es"
  elif re.search("[^aeiou]y$", noun):
    noun = noun[:-1] + "ies"
  else:
    noun += "s"
  return f"{before} {noun}".strip()
