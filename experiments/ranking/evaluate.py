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
from gr_jax.evaluation.auc import auc, grouped_auc
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

  Intervals of NE are over users, and differences to the model paired.
  """
  learned, ranked = (
    make_examples(data.requests, ranker.examples, split=each)
    for each in (TRAIN, SPLITS[split])
  )
  if not len(ranked.user):
    raise ValueError(f"no request of the {split} split has a page to rank.")
  systems = {name: predict(ranker, data, ranked)} | counted(
    data.requests, ranker.categories, learned=learned, ranked=ranked
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
      y, own = labels[inside], request[inside]
      of_model = None
      for system, scores in systems.items():
        p = scores[inside, k]
        row = {"system": system, "task": task, "segment": segment}
        row |= {"n": int(inside.sum()), "positives": int(y.sum())}
        ne = normalized_entropy(p, y)
        if np.isnan(ne):
          continue
        draws = resampled_entropy(p, y, user[inside])
        low, high = np.nanquantile(draws, (0.025, 0.975))
        figures = {"value": ne, "low": float(low), "high": float(high)}
        if system == model:
          of_model = ne, draws
        elif of_model:
          apart = of_model[1] - draws
          low, high = np.nanquantile(apart, (0.025, 0.975))
          figures |= {
            "difference": of_model[0] - ne,
            "difference_low": float(low),
            "difference_high": float(high),
          }
        yield row | {"metric": "ne"} | figures
        for metric, value in (
          ("auc", auc(p, y)),
          ("gauc", grouped_auc(p, y, own)),
        ):
          if not np.isnan(value):
            yield row | {"metric": metric, "value": value}
