"""Made-up queries: words of a document that few other documents have.

NCI and DSI-QG ask a language model what a document answers. Here each query is
a few words of the document, drawn without repeats with the weights of TF-IDF
(our design: no other model, a second for thousands of documents):

  w(t, d) = log(1 + tf(t, d)) ln(N / df(t))
"""

import itertools
import re
from collections.abc import Sequence

import numpy as np

from gr_jax.data.catalogue import object_array

_WORD = re.compile(r"\w+")


def pseudo_queries(
  texts: Sequence[str], *, count: int, words: int, rng: np.random.Generator
) -> list[list[str]]:
  """`count` queries of every text, of up to `words` distinct words each.

  Words stand in the order of their first place in the text. A word that all
  texts have is never drawn; a text with no other words asks nothing.

  Args:
    texts: `N` documents.
    count: queries of each.
    words: of a query.
    rng: draws the words.
  """
  owner, term, names, found = _terms(texts)
  weight = np.log1p(found) * np.log(
    len(texts) / np.maximum(1, np.bincount(term, minlength=len(names)))[term]
  )
  kept = weight > 0
  owner, term, weight = owner[kept], term[kept], weight[kept]
  bounds = np.searchsorted(owner, np.arange(len(texts) + 1))
  out = [[] for _ in range(len(texts))]
  for _ in range(count):
    # The largest of these are a draw without repeats (Efraimidis, Spirakis).
    keys = np.log(rng.random(len(weight))) / weight
    for row, (begin, end) in enumerate(itertools.pairwise(bounds)):
      if end > begin:
        best = np.argsort(-keys[begin:end], kind="stable")[:words]
        out[row].append(" ".join(names[term[begin + np.sort(best)]]))
  return out


def _terms(
  texts: Sequence[str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
  """Per word of every document: document, word, and how often; the words.

  Documents ascend, and the words of one stand as in it.
  """
  numbers: dict[str, int] = {}
  owner, term, found = [], [], []
  for row, text in enumerate(texts):
    counts: dict[int, int] = {}
    for word in _WORD.findall(text.lower()):
      number = numbers.setdefault(word, len(numbers))
      counts[number] = counts.get(number, 0) + 1
    owner += [row] * len(counts)
    term += counts.keys()
    found += counts.values()
  arrays = (np.array(part, np.int64) for part in (owner, term, found))
  rows, terms, counted = arrays
  return rows, terms, object_array(list(numbers)), counted
