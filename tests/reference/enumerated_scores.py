"""Scores of semantic IDs by looking at every item, in numpy and float64.

What `CodeHead` and its priors say in their docstrings, with no tree of counts,
no beams and nothing that is carried from code to code.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Bias = Callable[[tuple[int, ...], np.ndarray], np.ndarray]
"""From a prefix and the network's state `[D]` to the `[C]` of its next code."""


@dataclasses.dataclass(frozen=True)
class Catalogue:
  """All items that ever were, and how often each was chosen.

  Attributes:
    codes: `[N, L]`, -1 after an early end.
    masses: `[N]`, count + alpha.
    level_sizes: codes per level.
  """

  codes: np.ndarray
  masses: np.ndarray
  level_sizes: tuple[int, ...]

  def next_codes(self, level: int) -> list[int]:
    """The codes of the columns of a level; the last says that the ID ends."""
    codes = list(range(self.level_sizes[level]))
    return [*codes, -1] if level else codes

  def share(self, prefix: tuple[int, ...]) -> float:
    """Of a prefix among all items."""
    return mass_below(self.codes, self.masses, prefix) / self.masses.sum()


def mass_below(
  codes: np.ndarray, masses: np.ndarray, prefix: tuple[int, ...]
) -> float:
  """The sum of the masses `[n]` of those of `codes` `[n, L]` with a prefix."""
  return masses[(codes[:, : len(prefix)] == prefix).all(axis=1)].sum()


def log_prob(
  row: np.ndarray,
  states: np.ndarray,
  *,
  params: Mapping[str, Any],
  catalogue: Catalogue,
  prompt_size: int,
  scale: np.ndarray,
  bias: Bias,
) -> float:
  """Of the ID `row` `[L]`: sum over its levels of log softmax(logits)[code].

  Args:
    row: the codes.
    states: `[L, D]` of the network, before every code.
    params: those of the generator.
    catalogue: the items.
    prompt_size: the number of tokens before those of the codes.
    scale: `[L]`, by which the network's own scores are multiplied.
    bias: the prior.
  """
  total, first = 0.0, prompt_size
  for level, size in enumerate(catalogue.level_sizes):
    rows = params["token_embedding"][first : first + size]
    if level:
      rows = np.vstack([rows, params["end_embedding"][level - 1]])
    prefix = tuple(row[:level].tolist())
    logits = scale[level] * (rows.astype(np.float64) @ states[level])
    logits += bias(prefix, states[level])
    column = catalogue.next_codes(level).index(row[level])
    total += logits[column] - np.log(np.exp(logits).sum())
    if row[level] < 0:
      break
    first += size
  return total


def gate(prior: Mapping[str, Any], level: int, state: np.ndarray) -> float:
  """The logarithm of the gate of a level."""
  return float(state @ prior["gate"][level] + prior["gate_bias"][level])


def candidate_bias(
  catalogue: Catalogue,
  prior: Mapping[str, Any],
  candidates: Mapping[int, np.ndarray],
  *,
  used: float,
) -> Bias:
  """log(share(p c) + g sum of w over candidates below p c); 1e-16 at least.

  Args:
    catalogue: the items.
    prior: the parameters of a `CandidatePrior`.
    candidates: features by item.
    used: how much of the network is used.
  """
  codes = catalogue.codes[np.array([*candidates], np.int64)]
  features = np.zeros((len(candidates), len(prior["linear"])))
  features[:] = [*candidates.values()] or 0
  hidden = np.maximum(features @ prior["first"] + prior["first_bias"], 0)
  hidden = np.maximum(hidden @ prior["second"] + prior["second_bias"], 0)
  weights = np.exp(
    features @ prior["linear"] + hidden @ prior["last"] + prior["bias"]
  )

  def bias(prefix: tuple[int, ...], state: np.ndarray) -> np.ndarray:
    level = len(prefix)
    g = np.exp(used * gate(prior, level, state))
    below = [(*prefix, c) for c in catalogue.next_codes(level)]
    shares = np.array([catalogue.share(p) for p in below])
    found = np.array([mass_below(codes, weights, p) for p in below])
    return np.log(np.maximum(shares + g * found, 1e-16))

  return bias


def history_bias(
  catalogue: Catalogue,
  prior: Mapping[str, Any],
  bought: tuple[np.ndarray, np.ndarray],
  neighbours: tuple[np.ndarray, np.ndarray],
) -> Bias:
  """log(share(c | p) + g own(c | p) + related(c | p) + 1e-6).

  Args:
    catalogue: the items.
    prior: the parameters of a `CountPrior` with transitions.
    bought: codes `[n, L]` of the history, and the weights `w_h` `[n]`.
    neighbours: codes `[m, L]`, and `e^a[k] weight[h_k, j]` `[m]`.
  """
  of_related = prior["transitions"]
  whole = np.exp(of_related["evidence"]) + neighbours[1].sum()

  def bias(prefix: tuple[int, ...], state: np.ndarray) -> np.ndarray:
    level, share = len(prefix), catalogue.share(prefix)
    below = [(*prefix, c) for c in catalogue.next_codes(level)]
    shares = np.array([catalogue.share(p) for p in below]) / share
    own = np.array([mass_below(*bought, p) for p in below])
    own /= 1 + mass_below(*bought, prefix)
    related = np.array([mass_below(*neighbours, p) for p in below])
    related *= np.exp(gate(of_related, level, state)) / whole / share
    g = np.exp(gate(prior, level, state))
    return np.log(shares + g * own + related + 1e-6)

  return bias
