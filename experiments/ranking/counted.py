r"""What counting says of a label, beside which a ranker has to stand.

base rate      the share of positive labels in training
item counts    (positives + α rate) / (shown + α) of the item, α = 20
history        logistic regression on the logarithms of: the item's rate, how
               often the user took the item and its finest category before,
               and the length of the history; fitted on the validation period,
               whose shares of positive labels are nearer to what is ranked
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from gr_jax.data.requests import Requests
from gr_jax.ranking.examples import Examples

_SMOOTHING = 20.0
_FITTED_ON = 50_000


class Counted(NamedTuple):
  """Probabilities `[n, K]` of pairs by name."""

  base_rate: np.ndarray
  item_counts: np.ndarray
  history: np.ndarray


def counted(
  requests: Requests,
  categories: np.ndarray,
  *,
  learned: Examples,
  fitted: Examples,
  ranked: Examples,
  seed: int = 0,
) -> Counted:
  """What the learned pairs say of those that are ranked.

  Args:
    requests: users and events.
    categories: `[N, levels]`.
    learned: examples of the training period, which are counted.
    fitted: examples that the regression reads; those of validation, or
      `learned` where there are none.
    ranked: examples that are predicted.
    seed: the seed of the choice of pairs that the regression reads.
  """
  pairs = learned.pairs
  rate = pairs.labels.mean(axis=0)
  items = len(categories)
  shown = np.bincount(pairs.items, minlength=items)[:, None]
  positives = np.stack(
    [np.bincount(pairs.items, y, items) for y in pairs.labels.T], axis=1
  )
  by_item = (positives + _SMOOTHING * rate) / (shown + _SMOOTHING)
  rng = np.random.default_rng(seed)
  some = rng.permutation(len(fitted.user))
  size = np.cumsum(np.diff(fitted.offsets)[some])
  some = np.sort(some[: np.searchsorted(size, _FITTED_ON) + 1])
  finest = categories[:, -1] if categories.shape[1] else np.zeros(items, int)
  x, at = _features(requests, fitted, some, finest)
  x_ranked, _ = _features(requests, ranked, np.arange(len(ranked.user)), finest)
  found = np.empty((len(ranked.pairs.items), len(rate)))
  for task in range(len(rate)):
    y = fitted.pairs.labels[at, task]
    of = fitted.pairs.items[at]
    known = by_item[of, task]
    if fitted is learned:
      # A pair's own label is part of its item's counts.
      own = positives[of, task] - y + _SMOOTHING * rate[task]
      known = own / (shown[of, 0] - 1 + _SMOOTHING)
    weights = _logistic(np.column_stack((x, _logit(known))), y)
    known = _logit(by_item[ranked.pairs.items, task])
    found[:, task] = expit(
      np.column_stack((x_ranked, known, np.ones(len(known)))) @ weights
    )
  same = np.broadcast_to(rate, (len(ranked.pairs.items), len(rate)))
  return Counted(same, by_item[ranked.pairs.items], found)


def _features(
  requests: Requests, examples: Examples, some: np.ndarray, finest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """`[m, 3]` of the pairs of some examples, and their numbers `[m]`."""
  found, numbers = [], []
  for example in some:
    pairs = np.arange(*examples.offsets[example : example + 2])
    events = requests.event_item[
      examples.begin[example] : examples.end[example]
    ]
    items = examples.pairs.items[pairs]
    before = np.arange(len(events)) < examples.seen[pairs][:, None]
    own = (events == items[:, None]) & before
    kind = (finest[events] == finest[items][:, None]) & before
    counts = (own.sum(1), kind.sum(1), before.sum(1))
    found.append(np.log1p(np.stack(counts, axis=1)))
    numbers.append(pairs)
  if not found:
    return np.zeros((0, 3)), np.zeros(0, np.int64)
  return np.concatenate(found), np.concatenate(numbers)


def _logit(p: np.ndarray) -> np.ndarray:
  return logit(np.clip(p, 1e-6, 1 - 1e-6))


def _logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Weights of the columns and of 1, with a small ridge."""
  x = np.column_stack((x, np.ones(len(x))))

  def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
    z = x @ w
    value = np.sum(np.logaddexp(0, z) - y * z) + 0.5 * w @ w
    return value, x.T @ (expit(z) - y) + w

  return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
