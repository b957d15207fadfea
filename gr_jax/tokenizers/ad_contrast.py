"""Contrast of ads that the same people take (GR4AD's UAE, arXiv 2602.22732).

  L = -mean_i log sum_{j in P_i} exp(z_i.z_j / tau)
                / sum_{k != i} exp(z_i.z_k / tau)

over the rows of a batch: ads that were drawn, and a partner of each, drawn by
its Swing similarity. `P_i` are those rows of the batch that are a partner of i,
or that i is a partner of, also where they were drawn by chance: a partner is no
negative. Nor is a row that repeats i.

An ad is a triple (content, advertiser, category): ads with the same triple are
one row here (`distinct_triples`), or they would be negatives of each other.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy import sparse

from gr_jax.objectives.contrastive import multi_positive_nce
from gr_jax.parallel.constraints import split_rows
from gr_jax.tokenizers.ad_encoder import AdEncoder, AdNetwork, check_facts
from gr_jax.training import scan_fit
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer

_ADAMW = OptimizerConfig()


@dataclasses.dataclass(frozen=True)
class AdContrastConfig:
  """Length and sizes of the training.

  Attributes:
    batch_size: The ads drawn a step, `B`; with their partners a batch has `2B`
      rows.
    steps: The number of updates.
    temperature: The divisor tau of the cosines.
    optimizer: AdamW with a warm-up and a cosine.
  """

  batch_size: int = 256
  steps: int = 2000
  temperature: float = 0.07
  optimizer: OptimizerConfig = _ADAMW


class Partners(NamedTuple):
  """The most similar ads of each.

  Attributes:
    ads: `[N, K]` int32, -1 after the last one.
    log_weights: `[N, K]` float32, logarithms of similarities, -inf there.
    drawn: `[M]` int32, the ads that have a partner.
  """

  ads: np.ndarray
  log_weights: np.ndarray
  drawn: np.ndarray


def distinct_triples(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Ads that are the same to the contrast, and one item of each.

  Args:
    columns: `[N, F]` int, such as (content, advertiser, category) of each item.

  Returns:
    The first item `[M]` of each distinct row, ascending, and the ad `[N]` of
    each item, a place among these.
  """
  _, first, inverse = np.unique(
    columns, axis=0, return_index=True, return_inverse=True
  )
  order = np.argsort(first)
  place = np.empty(len(order), np.int64)
  place[order] = np.arange(len(order))
  return first[order], place[inverse.reshape(-1)]


def partners_of(similarities: sparse.csr_array) -> Partners:
  """The table of sparse similarities `[N, N]`, as `swing.similarities` gives.

  What is not positive, or of an ad with itself, is no partner.
  """
  sizes = np.diff(similarities.indptr)
  rows = np.repeat(np.arange(len(sizes)), sizes)
  keep_mask = (similarities.data > 0) & (rows != similarities.indices)
  rows = rows[keep_mask]
  sizes = np.bincount(rows, minlength=len(sizes))
  places = np.arange(len(rows)) - (np.cumsum(sizes) - sizes)[rows]
  shape = len(sizes), max(1, sizes.max(initial=0))
  ads, log_weights = np.full(shape, -1, np.int32), np.full(shape, -np.inf)
  ads[rows, places] = similarities.indices[keep_mask]
  log_weights[rows, places] = np.log(similarities.data[keep_mask])
  drawn = np.flatnonzero(sizes).astype(np.int32)
  return Partners(ads, log_weights.astype(np.float32), drawn)


def draw_batch(
  partners: Partners, key: jax.Array, *, size: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """`size` ads with a partner each; the devices of a mesh share them.

  Returns:
    Ads `[2B]`, and the masks of positives and of candidates `[2B, 2B]`.
  """
  ads_key, partner_key = jax.random.split(key)
  drawn = jax.random.choice(ads_key, partners.drawn, (size,))
  place = jax.random.categorical(partner_key, partners.log_weights[drawn])
  rows = jnp.concatenate([drawn, partners.ads[drawn, place]])
  known = partners.ads[rows]
  listed = jnp.any(known[:, None, :] == rows[None, :, None], axis=-1)
  other = rows[:, None] != rows[None, :]
  return split_rows((rows, listed | listed.T, other))


def fit(
  network: AdNetwork,
  vectors: np.ndarray,
  facts: np.ndarray,
  similarities: sparse.csr_array,
  *,
  config: AdContrastConfig,
  key: jax.Array,
  progress: scan_fit.Progress | None = None,
) -> tuple[AdEncoder, list[dict[str, float]]]:
  """Trains the network on ads and their similarities.

  Args:
    network: Its `fact_sizes` are those of the facts.
    vectors: `[N, Dv]` of the ads.
    facts: `[N, F]` int, -1 = not known.
    similarities: `[N, N]`, positive where two ads are partners, a few per row:
      `swing.similarities` with `neighbours`, of the training period.
    config: See `AdContrastConfig`.
    key: The key of parameters and batches.
    progress: Called once a chunk of steps.

  Returns:
    The encoder and one metrics row per chunk.

  Raises:
    ValueError: Vectors that are not finite, facts out of range, other sizes, or
      no similar ads.
  """
  scan_fit.check_vectors(vectors, name="vectors")
  check_facts(facts, count=len(vectors), num_facts=len(network.fact_sizes))
  for f, size in enumerate(network.fact_sizes):
    low, high = facts[:, f].min(), facts[:, f].max()
    if low < -1 or high >= size:
      raise ValueError(
        f"facts[:, {f}] has values from {low} to {high}, outside -1..{size - 1}"
        f" that fact_sizes[{f}] = {size} gives."
      )
  partners = partners_of(similarities)
  if similarities.shape != (len(vectors),) * 2 or not len(partners.drawn):
    raise ValueError(
      f"similarities {similarities.shape} of {len(vectors)} ads give "
      f"{len(partners.drawn)} of them a partner; give an [N, N] matrix with "
      "positive entries, of more users or of larger bounds."
    )
  data = jax.tree.map(
    jnp.asarray,
    (np.asarray(vectors, np.float32), np.asarray(facts, np.int32), partners),
  )
  init_key, train_key = jax.random.split(key)
  optimizer = make_optimizer(config.optimizer, config.steps)
  params, opt_state = scan_fit.initial_state(
    lambda key: network.init(key, vectors[:1], facts[:1]), optimizer, init_key
  )

  def loss(params: Any, data: Any, key: jax.Array):
    vectors, facts, partners = data
    rows, positive, candidate = draw_batch(
      partners, key, size=config.batch_size
    )
    encoded: Any = network.apply(params, vectors[rows], facts[rows])
    value = multi_positive_nce(
      encoded,
      positive_mask=positive,
      candidate_mask=candidate,
      temperature=config.temperature,
    )
    return value, {"loss": value}

  def step(state, data, key):
    params, opt_state = state["params"], state["optimizer"]
    grads, metrics = jax.grad(loss, has_aux=True)(params, data, key)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    params = optax.apply_updates(params, updates)
    return {"params": params, "optimizer": opt_state}, metrics

  state, history = scan_fit.fit(
    {"params": params, "optimizer": opt_state},
    data,
    train_key,
    step=step,
    steps=config.steps,
    progress=progress,
    name="the contrast of ads",
  )
  return AdEncoder(network, state["params"]), history
