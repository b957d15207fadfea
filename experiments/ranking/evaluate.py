"""NE, AUC and GAUC of a ranker and of counted baselines, by history length."""

import itertools
from collections.abc import Iterator, Mapping

import jax
import numpy as np
from scipy.special import expit

from experiments.pipeline.prepare import Data
from experiments.ranking.counted import counted
from experiments.ranking.train import TrainedRanker
from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.evaluation.auc import (
  auc,
  grouped_auc,
  resampled_auc,
  resampled_grouped_auc,
)
from gr_jax.evaluation.normalized_entropy import (
  normalized_entropy,
  resampled_entropy,
)
from gr_jax.ranking.batches import BatchWriter
from gr_jax.ranking.examples import Examples, make_examples

SPLITS = {"valid": VALID, "test": TEST}
_EDGES = (0, 16, 64, 256, 1024, 4096)
_LEAST = 50  # Pairs of a segment that is shown.


def predict(
  ranker: TrainedRanker, data: Data, examples: Examples
) -> np.ndarray:
  """`[n, K]` probabilities of the pairs of examples."""
  writer = BatchWriter(data.requests, examples, ranker.rows)
  score = jax.jit(ranker.model.apply)
  found = np.zeros(examples.pairs.labels.shape, np.float64)
  for rows in writer.in_order():
    batch, pairs = writer.write(rows), writer.pairs(rows)
    logits = np.asarray(score(ranker.params, batch, ranker.categories))
    found[pairs[pairs >= 0]] = expit(logits[pairs >= 0].astype(np.float64))
  return found


def evaluate(
  ranker: TrainedRanker, data: Data, *, split: str, name: str
) -> list[dict]:
  """A row for each system, task, segment of history length and metric.

  Intervals are over users, and the model's differences to others paired.
  """
  learned, fitted, ranked = (
    make_examples(data.requests, ranker.examples, split=each)
    for each in (TRAIN, VALID, SPLITS[split])
  )
  if not len(ranked.user):
    raise ValueError(f"no request of the {split} split has a page to rank.")
  systems = {name: predict(ranker, data, ranked)} | counted(
    data.requests,
    ranker.categories,
    learned=learned,
    fitted=fitted if len(fitted.user) else learned,
    ranked=ranked,
  )._asdict()
  return list(_rows(systems, ranked, data, ranker.examples.tasks))


def _rows(
  systems: Mapping[str, np.ndarray],
  ranked: Examples,
  data: Data,
  tasks: tuple[str, ...],
) -> Iterator[dict]:
  request = ranked.pairs.requests
  user = data.requests.user[request]
  segments = {"all": np.ones(len(user), bool)}
  edges = (*_EDGES, np.inf)
  for low, high in itertools.pairwise(edges):
    inside = (ranked.seen >= low) & (ranked.seen < high)
    label = f"{low}+" if high == np.inf else f"{low}-{high - 1:.0f}"
    if inside.sum() >= _LEAST:
      segments[f"history {label}"] = inside
  model = next(iter(systems))
  for k, task in enumerate(tasks):
    labels = ranked.pairs.labels[:, k]
    for segment, inside in segments.items():
      y = labels[inside]
      head = {
        "task": task,
        "segment": segment,
        "n": int(inside.sum()),
        "positives": int(y.sum()),
      }
      for metric, (value_of, draws_of) in _METRICS.items():
        of_model = None
        for system, scores in systems.items():
          given = scores[inside, k], y, request[inside], user[inside]
          value, draws = value_of(*given), draws_of(*given)
          if np.isnan(value):
            continue
          figures = {"value": value} | _ends(draws)
          if system == model:
            of_model = value, draws
          elif of_model:
            apart = _ends(of_model[1] - draws)
            figures["difference"] = of_model[0] - value
            figures |= {f"difference_{end}": x for end, x in apart.items()}
          yield {"system": system} | head | {"metric": metric} | figures


# By name: the figure and draws of it, of scores, labels, requests and users.
_METRICS = {
  "ne": (
    lambda p, y, request, user: normalized_entropy(p, y),
    lambda p, y, request, user: resampled_entropy(p, y, user),
  ),
  "auc": (
    lambda p, y, request, user: auc(p, y),
    lambda p, y, request, user: resampled_auc(p, y, user),
  ),
  "gauc": (
    lambda p, y, request, user: grouped_auc(p, y, request),
    resampled_grouped_auc,
  ),
}


def _ends(draws: np.ndarray) -> dict[str, float]:
  """The middle 95 % of draws; those without a figure are left out."""
  low, high = np.nanquantile(draws, (0.025, 0.975))
  return {"low": float(low), "high": float(high)}
