r"""The preference model of GenRec's rewards: how likely a click is.

A SIM network (`ranking/sim/network.py`), fitted by
`ranking/sim/training.py`, calibrated, and frozen from then on: alignment must
not move what it is judged by.
"""

import dataclasses
from typing import Any

import jax
import numpy as np

from gr_jax.data.batches import padded_batches
from gr_jax.evaluation.auc import auc, grouped_auc
from gr_jax.evaluation.calibration import Platt, calibration_error
from gr_jax.ranking.impressions import Impressions
from gr_jax.ranking.sim.features import PairWriter, Tables, look_up
from gr_jax.ranking.sim.network import NetworkConfig, PreferenceNetwork


@dataclasses.dataclass(frozen=True)
class PreferenceConfig:
  """Options of the training.

  Attributes:
    network: the sizes of the network.
    window: latest events that are searched.
    order_weight: the weight of an ordered item in the loss.
    negatives: random items added per clicked one, for logs that do not hold
      what was shown; calibration then counts them as shown.
    max_requests: the number of random requests of the training period that are
      read; 0 = all of them.
    calibration_share: the share of the training requests, the latest.
    learning_rate: the rate of Adam, falling to 0 along a cosine.
    weight_decay: on all weights.
    epochs: passes over the rows.
    batch_size: rows per step.
    seed: the seed of weights, order and random items.
  """

  network: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)
  window: int = 200
  order_weight: float = 3.0
  negatives: int = 0
  max_requests: int = 0
  calibration_share: float = 0.1
  learning_rate: float = 2e-3
  weight_decay: float = 1e-4
  epochs: int = 4
  batch_size: int = 512
  seed: int = 0


class PreferenceModel:
  """A frozen model; as a reward, `[n]` probabilities of a click.

  `platt` maps logits to probabilities, `writer` looks up histories.
  """

  def __init__(
    self,
    params: Any,
    platt: Platt,
    writer: PairWriter,
    tables: Tables,
    config: PreferenceConfig,
  ):
    self.params, self.platt, self.config = params, platt, config
    self._writer, self._tables = writer, tables
    network = PreferenceNetwork(config.network)
    self._score = jax.jit(
      lambda params, tables, pairs: network.apply(
        params, look_up(tables, pairs)
      )
    )

  def logits(self, requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    """`[n]` float32, before calibration."""
    found = [np.zeros(0, np.float32)]
    both = np.asarray(requests), np.asarray(items)
    for rows in padded_batches(both, self.config.batch_size):
      pairs = self._writer(*rows)
      found.append(
        jax.device_get(self._score(self.params, self._tables, pairs))
      )
    return np.concatenate(found)[: len(items)]

  def __call__(self, requests: np.ndarray, items: np.ndarray) -> np.ndarray:
    return self.platt(self.logits(requests, items))

  def quality(self, rows: Impressions) -> dict[str, float]:
    """AUC, GAUC by request, and calibration error, on any rows."""
    probabilities = self(rows.requests, rows.items)
    return {
      "preference/auc": auc(probabilities, rows.labels),
      "preference/gauc": grouped_auc(probabilities, rows.labels, rows.requests),
      "preference/calibration_error": calibration_error(
        probabilities, rows.labels
      ),
      "preference/rows": float(len(rows.items)),
    }
