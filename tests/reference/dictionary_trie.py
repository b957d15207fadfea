"""Constrained beam search over nested dictionaries, one request at a time."""

import numpy as np

END = -1


def build(ids: np.ndarray, rows) -> dict:
  """Nested dictionaries of the given `rows` of `ids` `[R, L]`; leaves are rows.

  Codes come in the order of the sorted table: END first, then ascending.
  """
  root: dict = {}
  for row in sorted(rows):
    node = root
    for code in ids[row, :-1].tolist():
      node = node.setdefault(code, {})
    node[int(ids[row, -1])] = int(row)
  return root


def gain(log_probs: np.ndarray, prefix: tuple[int, ...], code: int) -> float:
  """Log-probability of `code` after `prefix`; END is the last column."""
  if prefix and prefix[-1] == END:
    return 0.0
  return float(log_probs[code])


def beam_search(
  trie: dict, next_log_probs, widths
) -> list[tuple[int, float, tuple[int, ...]]]:
  """The best `(row, score, codes)`, best first.

  Args:
    trie: from `build`.
    next_log_probs: maps a prefix to the log-probabilities of its next code.
    widths: beams kept after each level.
  """
  beams = [((), 0.0, trie)]
  for width in widths:
    candidates = [
      ((*prefix, code), score + gain(next_log_probs(prefix), prefix, code), sub)
      for prefix, score, node in beams
      for code, sub in node.items()
    ]
    candidates = [c for c in candidates if c[1] > -np.inf]
    # Python's sort is stable: equals stay in the order of parent and code.
    beams = sorted(candidates, key=lambda c: -c[1])[:width]
  return [(row, score, prefix) for prefix, score, row in beams]


def enumerate_ids(ids: np.ndarray, rows, next_log_probs) -> dict[int, float]:
  """Score of each of `rows`, code by code."""
  scores = {}
  for row in rows:
    codes = tuple(ids[row].tolist())
    scores[int(row)] = sum(
      gain(next_log_probs(codes[:l]), codes[:l], codes[l])
      for l in range(len(codes))
    )
  return scores


def unconstrained_beam_search(
  next_log_probs, level_sizes, widths, *, has_ends
) -> list[tuple[float, tuple[int, ...]]]:
  """As `beam_search`, but every column of a level is a candidate, END last."""
  beams = [((), 0.0)]
  for level, (size, width) in enumerate(zip(level_sizes, widths, strict=True)):
    codes = [*range(size), *([END] if has_ends and level else [])]
    candidates = [
      ((*prefix, code), score + gain(next_log_probs(prefix), prefix, code))
      for prefix, score in beams
      if prefix[-1:] != (END,)
      for code in codes
    ]
    # An ended beam takes the place of its END column among the candidates.
    ended = [((*p, END), s) for p, s in beams if p[-1:] == (END,)]
    candidates += ended
    beams = sorted(candidates, key=lambda c: -c[1])[:width]
  return [(score, prefix) for prefix, score in beams]
