"""What answers are worth, by the truth or by the log, and what a model says."""

import functools

import jax
import numpy as np

from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from experiments.studies.world import World
from gr_jax.data import request_lists
from gr_jax.data.batches import padded_batches
from gr_jax.data.requests import Requests
from gr_jax.data.target_values import TargetValues
from gr_jax.data.worlds import shop_config, shop_world
from gr_jax.data.worlds.shop_world import ShopWorld
from gr_jax.generators.values import buckets_of
from gr_jax.objectives.value_buckets import expected_value

_CHUNK, _BATCH, _BUCKETS = 256, 64, 20


def truth_of(world: World) -> ShopWorld | None:
  """The world of ads itself; None of a log whose truth nobody knows."""

  def make() -> ShopWorld | None:
    options = world.config.data.to_dict()
    if options.pop("source") != "shop_world" or not options.get("accounts"):
      return None
    seed = options.pop("seed")
    return shop_world.generate(
      shop_config.ShopWorldConfig(**options), seed=seed
    )

  return world.once("truth", make)


def worth_of(
  world: World, rows: np.ndarray, items: np.ndarray, *, cutoff: int
) -> tuple[np.ndarray, np.ndarray]:
  """What items `[R, k]` earn at requests `[R]`, and what the best ones would.

  By the truth where it is known, else by what the log says was paid.
  """
  truth, log = truth_of(world), world.data.requests
  if truth is None:
    return paid(log, rows, items, cutoff=cutoff)
  earned, best = [], []
  everything = np.arange(len(world.data.catalogue))
  for begin in range(0, len(rows), _CHUNK):
    some = rows[begin : begin + _CHUNK]
    wanted = log.user[some], log.time[some], log.query[some]
    shown = items[begin : begin + _CHUNK]
    revenue = truth.revenue(*wanted, np.maximum(shown, 0))
    earned.append(np.where(shown >= 0, revenue, 0))
    whole = truth.revenue(
      *wanted, np.broadcast_to(everything, (len(some), len(everything)))
    )
    best.append(-np.sort(np.partition(-whole, cutoff, axis=1)[:, :cutoff]))
  return np.concatenate(earned), np.concatenate(best)[:, :cutoff]


def paid(
  log: Requests, rows: np.ndarray, items: np.ndarray, *, cutoff: int
) -> tuple[np.ndarray, np.ndarray]:
  """What was paid for items `[R, k]`, and the dearest that were bought.

  An item that comes up twice on a page has its larger value.
  """
  values = TargetValues(log)
  best = np.zeros((len(rows), cutoff))
  for line, row in zip(best, rows):
    top = values.best(row, count=cutoff)
    line[: len(top)] = top
  return values.of(rows[:, None], items), best


def discounted(gains: np.ndarray) -> np.ndarray:
  """`sum_k gain_k / log2(1 + k)` `[R]` of gains `[R, k]`."""
  return (gains / np.log2(np.arange(2, gains.shape[1] + 2))).sum(axis=1)


def ndcg(earned: np.ndarray, best: np.ndarray) -> np.ndarray:
  """Discounted earnings `[R]` as a share of those of the best list."""
  return discounted(earned) / np.maximum(discounted(best), 1e-9)


def calibration_error(
  world: World,
  generator: TrainedGenerator,
  tokenized: Tokenized,
  rows: np.ndarray,
) -> dict[str, float]:
  r"""How far predicted values are off, beside those of what was clicked.

  $$ ECE = \sum_b \frac{n_b}{N} \frac{|mean_b \hat v - mean_b v|}{mean\ v} $$

  over twenty buckets of equally many predictions.

  Returns:
    `ece`; `ratio`, the mean prediction over the mean value; and the Spearman
    correlation of the two.
  """
  log = world.data.requests
  targets = request_lists.targets(log, rows)
  first = targets.rows[targets.offsets[:-1]]
  values, _ = paid(log, rows, first[:, None], cutoff=1)
  codes = tokenized.semantic_ids.codes[first][:, None]
  writer = generator.writer
  inputs = (
    writer.prompts(rows, shown=np.ones(len(rows), bool)),
    writer.queries(log.query[rows])[:, None],
    codes,
  )
  predict = functools.partial(_predicted, model=generator.model)
  found = np.concatenate(
    [
      np.asarray(predict(generator.params, *batch))
      for batch in padded_batches(inputs, _BATCH)
    ]
  )[: len(rows)]
  return calibration(found, values[:, 0])


@functools.partial(jax.jit, static_argnames="model")
def _predicted(params, prompt, queries, codes, *, model):
  found = model.apply(params, prompt, queries, codes, method="value_aware")
  return expected_value(found.values, buckets_of(params).means)[:, 0]


def calibration(
  predicted: np.ndarray, values: np.ndarray, *, buckets: int = _BUCKETS
) -> dict[str, float]:
  """The figures of `calibration_error` for predictions and values `[N]`."""
  order = np.argsort(predicted, kind="stable")
  parts = np.array_split(order, buckets)
  off = [abs(predicted[p].mean() - values[p].mean()) * len(p) for p in parts]
  ranks = [
    np.argsort(np.argsort(x, kind="stable")) for x in (predicted, values)
  ]
  return {
    "ece": float(sum(off) / len(values) / values.mean()),
    "ratio": float(predicted.mean() / values.mean()),
    "rank_correlation": float(np.corrcoef(*ranks)[0, 1]),
  }
