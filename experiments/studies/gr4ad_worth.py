"""What answers are worth, by the truth or by the log, and what a model says."""

import numpy as np

from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from experiments.pipeline.value_predictions import predict_values
from experiments.studies.world import World
from gr_jax.data import request_lists
from gr_jax.data.requests import Requests
from gr_jax.data.target_values import TargetValues
from gr_jax.data.worlds import shop_config, shop_world
from gr_jax.data.worlds.shop_world import ShopWorld
from gr_jax.evaluation import value_calibration, worth

_CHUNK = 256


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
  best = worth.dearest(values, rows, count=cutoff)
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
  """How far predicted values are off, beside those of what was clicked.

  Returns:
    `value_calibration.figures` of all targets of the requests, and
    `above_chance`, the ECE less what right predictions would seem to have.
  """
  log = world.data.requests
  targets = request_lists.targets(log, rows)
  rows, items = np.repeat(rows, targets.sizes), targets.rows
  values, _ = paid(log, rows, items[:, None], cutoff=1)
  found = predict_values(
    generator.model,
    generator.params,
    generator.writer,
    tokenized.semantic_ids,
    log,
    rows,
    items,
  )
  figures = value_calibration.figures(found, values[:, 0])
  return figures | {"above_chance": figures["ece"] - figures["chance"]}
