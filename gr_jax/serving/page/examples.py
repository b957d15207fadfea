"""Examples to begin with: queries of typed words, and made-up shoppers."""

import collections
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gr_jax.serving.catalogue.items import Items
from gr_jax.serving.catalogue.snapshot import Snapshot
from gr_jax.serving.page.browse import items_below, span
from gr_jax.text.words import FILLERS, STOP_WORDS, split_words

# The items and words that examples come from, whatever the size of the shop.
_POPULAR, _FREQUENT = 2000, 2000


def example_queries(
  snapshot: Snapshot, words: Sequence[str], *, count: int
) -> list[str]:
  """Queries of words that shoppers typed, for items that they bought.

  The most typed words of popular items, each with the word that stands beside
  it in the texts bought most if that one was typed as well; no word twice.

  Args:
    snapshot: the catalogue.
    words: the words of queries, most frequent first.
    count: the most queries that are returned.
  """
  typed = [word for word in words[:_FREQUENT] if _can_stand_alone(word)]
  phrases = _phrases(snapshot.items, frozenset(typed))
  found, used = [], set()
  for word in typed:
    phrase = phrases.get(word, (word, word))
    if word in phrases and used.isdisjoint(phrase):
      used.update(phrase)
      found.append(" ".join(dict.fromkeys(phrase)))
  return found[:count]


def _can_stand_alone(word: str) -> bool:
  """False for numbers, single letters and words that say nothing."""
  idle = word in STOP_WORDS or word in FILLERS
  letter = len(word) == 1 and word.isascii()
  return not (idle or letter or any(map(str.isdigit, word)))


def _phrases(items: Items, typed: frozenset[str]) -> dict[str, tuple[str, str]]:
  """Per typed word of popular items the best pair with it, or it twice."""
  best = np.argsort(-items.popularity, kind="stable")[:_POPULAR]
  bought: collections.Counter[tuple[str, str]] = collections.Counter()
  for row in best[items.shown[best]].tolist():
    text = str(items.texts[row]).casefold()
    known = [word if word in typed else "" for word in split_words(text)]
    for pair in {*zip(known, known), *itertools.pairwise(known)}:
      # Parts of a script without blanks are no words beside each other.
      if all(pair) and (pair[0] == pair[1] or " ".join(pair) in text):
        bought[pair] += int(items.popularity[row])
  found: dict[str, tuple[str, str]] = {}
  # Pairs first.
  for pair in sorted(bought, key=lambda p: (p[0] == p[1], -bought[p], p)):
    for word in pair:
      found.setdefault(word, pair)
  return found


def example_shoppers(
  snapshot: Snapshot, *, count: int, purchases: int
) -> list[dict[str, Any]]:
  """Made-up histories, for a server that keeps no logs.

  One for each of the departments that sell most (the coarsest categories of
  which there are several, or first codes where there are none): the most bought
  item of each of its first codes, one a week, the most bought of all last.
  """
  items = snapshot.items
  rows = items_below(snapshot, *span(snapshot, ()))
  first_code = items.semantic_ids.codes[:, 0]
  columns = items.categories[rows].T
  several = [depth for depth, column in enumerate(columns) if _differ(column)]
  depth, named = several[0] if several else 0, bool((columns >= 0).any())
  group = items.categories[:, depth] if named else first_code
  names = {r: path for path, (d, r) in items.category_row.items() if d == depth}
  rows = rows[group[rows] >= 0]
  rows = rows[np.argsort(-items.popularity[rows], kind="stable")]
  groups, place = np.unique(group[rows], return_inverse=True)
  bought = np.bincount(place, items.popularity[rows], len(groups))
  found = []
  for best in np.argsort(-bought, kind="stable")[:count].tolist():
    below = rows[place == best]
    _, heads = np.unique(first_code[below], return_index=True)
    picks = below[np.sort(heads)[:purchases]].tolist()
    code = int(groups[best])
    history = [
      {
        "id": items.item_ids[row],
        "text": items.texts[row],
        "days_ago": 7 * week,
      }
      for week, row in enumerate(picks, 1)
    ]
    name = names[code] if named else f"code {code}"
    found.append({"name": name, "history": history[::-1]})
  return found


def _differ(categories: np.ndarray) -> bool:
  """Whether there are two names."""
  named = categories[categories >= 0]
  return bool(len(named)) and named.min() < named.max()
