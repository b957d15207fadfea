r"""Fits the preference model on the pages of the training split.

  $L = -\sum_i w_i [y_i \log p_i + (1 - y_i) \log(1 - p_i)] / \sum_i w_i$

`y` = clicked or ordered, `w` = 3 for an order and 1 otherwise `[OURS]`. The
last tenth of the training period is not fitted on: Platt scaling on it makes
the scores probabilities of a click (`evaluation/calibration.py`). Nothing of
the validation and test periods is read.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gr_jax.data.requests import ORDERED, Requests
from gr_jax.data.training_period import request_mask
from gr_jax.evaluation.calibration import Platt, fit_platt
from gr_jax.parallel.constraints import split_rows
from gr_jax.ranking.impressions import Impressions, page_impressions
from gr_jax.ranking.sim.features import PairWriter, Tables, look_up
from gr_jax.ranking.sim.model import PreferenceConfig, PreferenceModel
from gr_jax.ranking.sim.network import PreferenceNetwork
from gr_jax.training import scan_fit

Progress = Callable[[int, int], None]
"""(steps done, steps in all)."""


def sample_in_order(rows: np.ndarray, count: int, *, seed: int) -> np.ndarray:
  """`count` random ones of `rows` in their order, or all where `count` is 0."""
  if not 0 < count < len(rows):
    return rows
  rng = np.random.default_rng(seed)
  return rows[np.sort(rng.choice(len(rows), count, replace=False))]


def split_training(
  requests: Requests, share: float, *, most: int = 0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
  """Training requests to fit on, and the latest `share` of them to calibrate.

  Raises:
    ValueError: where one of the two would be empty.
  """
  rows = sample_in_order(
    np.flatnonzero(request_mask(requests)), most, seed=seed
  )
  rows = rows[np.argsort(requests.time[rows], kind="stable")]
  kept = len(rows) - round(share * len(rows))
  if not 0 < kept < len(rows):
    raise ValueError(
      f"calibration_share {share} of {len(rows)} training requests leaves "
      f"{kept} to fit on and {len(rows) - kept} to calibrate."
    )
  return rows[:kept], rows[kept:]


def fit_preference(
  requests: Requests,
  tables: Tables,
  *,
  config: PreferenceConfig,
  progress: Progress = lambda done, total: None,
) -> PreferenceModel:
  """The trained, calibrated, frozen model; `progress` is called every step.

  Inside `jax.set_mesh` the devices share the rows of a batch.
  """
  early, late = split_training(
    requests,
    config.calibration_share,
    most=config.max_requests,
    seed=config.seed,
  )
  rows, validation = (
    page_impressions(
      requests,
      part,
      num_items=len(tables.items),
      negatives=config.negatives,
      seed=config.seed + k,
    )
    for k, part in enumerate((early, late))
  )
  writer = PairWriter(requests, config.window)
  params = _train(rows, writer, tables, config, progress)
  model = PreferenceModel(params, Platt(1.0, 0.0), writer, tables, config)
  logits = model.logits(validation.requests, validation.items)
  model.platt = fit_platt(logits, validation.labels)
  return model


def _train(
  rows: Impressions,
  writer: PairWriter,
  tables: Tables,
  config: PreferenceConfig,
  progress: Progress,
) -> Any:
  network = PreferenceNetwork(config.network)
  size = min(config.batch_size, len(rows.items))
  steps = config.epochs * (len(rows.items) // size)
  optimizer = optax.adamw(
    optax.cosine_decay_schedule(config.learning_rate, steps),
    weight_decay=config.weight_decay,
  )

  def loss(params, tables, pairs, labels, weights):
    logits = network.apply(params, look_up(tables, pairs))
    losses = optax.sigmoid_binary_cross_entropy(logits, labels)
    return jnp.sum(weights * losses) / jnp.sum(weights)

  def step(state, tables, batch):
    params, opt_state = state["params"], state["optimizer"]
    shared = split_rows(batch)
    value, grads = jax.value_and_grad(loss)(params, tables, *shared)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    params = optax.apply_updates(params, updates)
    return {"params": params, "optimizer": opt_state}, {"loss": value}

  pairs = writer(rows.requests[:1], rows.items[:1])
  init = jax.jit(lambda key: network.init(key, look_up(tables, pairs)))
  params = init(jax.random.key(config.seed))
  state, _ = scan_fit.fit_batches(
    {"params": params, "optimizer": jax.jit(optimizer.init)(params)},
    tables,
    _batches(rows, writer, config, size),
    step=step,
    steps=steps,
    chunk=1,
    progress=lambda done, metrics: progress(done, steps),
    name="the preference model",
  )
  return state["params"]


def _batches(rows: Impressions, writer: PairWriter, config, size: int):
  """Pairs, labels and weights of `size` rows, in a new order every epoch."""
  weights = np.where(rows.kinds == ORDERED, config.order_weight, 1.0)
  weights = weights.astype(np.float32)
  labels = rows.labels.astype(np.float32)
  rng = np.random.default_rng(config.seed)
  for _ in range(config.epochs):
    order = rng.permutation(len(rows.items))
    for begin in range(0, len(order) - size + 1, size):
      at = order[begin : begin + size]
      pairs = writer(rows.requests[at], rows.items[at])
      yield pairs, labels[at], weights[at]
