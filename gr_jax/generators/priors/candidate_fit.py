"""Weights of candidates that are fitted before the network is.

Without a network a request draws item i with probability

  P(i) = (share_i + w_i) / (1 + sum over candidates j of w_j)

(`candidate_prior`), in which codes do not appear. So the weights are fitted on
requests by themselves, in seconds, to the mean over requests of the mean over
their targets t among the candidates of

  log(1 + sum_j w_j) - log(share_t + w_t)

so that a request counts as much as another, as in recall, whatever it led to.
The weights with the lowest loss on requests that are held out are used: best
those of a later time, for others are by the same users. Targets that are no
candidates are left out: the mass that they need differs from request to
request, and one bias for all of them costs places among the candidates. The
network's gates learn it. `[OURS]`
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from gr_jax.generators.priors.candidate_prior import CandidatePrior
from gr_jax.training import scan_fit

_CLIP_NORM = 1.0


class CandidateRows(NamedTuple):
  """`n` requests with `R` candidates each.

  Attributes:
    features: `[n, R, F]`, of any width of floats.
    mask: `[n, R]` bool.
    wanted: `[n, R]` bool, the targets among the candidates.
    shares: `[n, R]` float32, the popularity of each; of all items it sums to 1.
  """

  features: Any
  mask: Any
  wanted: Any
  shares: Any


class FitConfig(NamedTuple):
  """How weights are fitted.

  Attributes:
    steps: the steps of AdamW, whose rate falls to zero in a half cosine.
    batch_size: the number of requests a step.
    learning_rate: the rate of the first step.
    weight_decay: AdamW's, of all parameters.
    held_out_share: the share of the requests that chooses the weights, where no
      others are held out; 0 = the last weights are used.
    evaluations: the number of evaluations on the held-out requests, at even
      distances.
    seed: the seed of the initial values and the batches.
  """

  steps: int = 3000
  batch_size: int = 64
  learning_rate: float = 3e-3
  weight_decay: float = 1e-3
  held_out_share: float = 0.1
  evaluations: int = 40
  seed: int = 0


def loss(prior: CandidatePrior, params: Any, rows: CandidateRows) -> jax.Array:
  """The mean over the rows with a target of the mean over their targets."""
  log_weights: Any = prior.apply(
    {"params": params},
    jnp.asarray(rows.features, jnp.float32),
    method=CandidatePrior.log_weights,
  )
  log_weights = jnp.where(rows.mask, log_weights, -jnp.inf)
  nothing = jnp.zeros((len(log_weights), 1))
  log_all = jax.nn.logsumexp(
    jnp.concatenate((log_weights, nothing), axis=1), axis=1
  )
  # A double where: what is no target must not give NaN in the gradient.
  mass = jnp.where(rows.wanted, rows.shares + jnp.exp(log_weights), 1)
  targets = rows.wanted.sum(axis=1)
  each = log_all - jnp.log(mass).sum(axis=1) / jnp.maximum(targets, 1)
  led = targets > 0
  return jnp.where(led, each, 0).sum() / jnp.maximum(led.sum(), 1)


def fit(
  prior: CandidatePrior,
  rows: CandidateRows,
  *,
  config: FitConfig,
  held_out: CandidateRows | None = None,
  progress: scan_fit.Progress | None = None,
) -> Any:
  """The parameters of a prior, its gates as they begin.

  Args:
    prior: the network of the weights, `log_weights`.
    rows: the requests, in a random order.
    config: how it is fitted.
    held_out: requests that choose the weights; None = a share of the `rows`.
    progress: gets the losses of every chunk.

  Raises:
    ValueError: there are no requests.
  """
  n = len(rows.mask)
  if not n:
    raise ValueError("no request with a target; there is nothing to fit.")
  if held_out is None:
    held = min(int(config.held_out_share * n), n - 1)
    held_out = jax.tree.map(lambda x: x[:held], rows)
    rows = jax.tree.map(lambda x: x[held:], rows)
  out, learned = jax.device_put(held_out), jax.device_put(rows)
  optimizer = _optimizer(config)
  params = _initial(prior, config.seed)
  state = {"params": params, "optimizer": jax.jit(optimizer.init)(params)}
  step = _step(prior, config)
  measure = jax.jit(functools.partial(loss, prior))
  key = jax.random.key(config.seed)
  params = jax.tree.map(jnp.copy, params)
  measured = bool(len(out.mask))
  best = (float(measure(params, out)) if measured else np.inf, params)
  each = -(-config.steps // config.evaluations)
  for begin in range(0, config.steps, each):
    state, _ = scan_fit.fit(
      state,
      learned,
      key,
      step=step,
      steps=min(each, config.steps - begin),
      begin=begin,
      progress=progress,
      name="the prior of candidates",
    )
    params = jax.tree.map(jnp.copy, state["params"])
    found = float(measure(params, out)) if measured else -np.inf
    best = min(best, (found, params), key=lambda one: one[0])
  return jax.device_get(best[1])


def _optimizer(config: FitConfig) -> optax.GradientTransformation:
  return optax.chain(
    optax.clip_by_global_norm(_CLIP_NORM),
    optax.adamw(
      optax.cosine_decay_schedule(config.learning_rate, config.steps),
      weight_decay=config.weight_decay,
    ),
  )


def _initial(prior: CandidatePrior, seed: int) -> Any:
  features = jnp.zeros((1, prior.features))
  variables = jax.jit(
    functools.partial(prior.init, method=CandidatePrior.log_weights)
  )(jax.random.key(seed), features)
  return nn.unbox(variables)["params"]


def _step(prior: CandidatePrior, config: FitConfig):
  """One step of AdamW on requests drawn at random."""
  optimizer = _optimizer(config)

  def step(state, rows, key):
    n = len(rows.mask)
    some = jax.random.randint(key, (min(config.batch_size, n),), 0, n)
    value, grads = jax.value_and_grad(functools.partial(loss, prior))(
      state["params"], jax.tree.map(lambda x: x[some], rows)
    )
    updates, opt_state = optimizer.update(
      grads, state["optimizer"], state["params"]
    )
    params = optax.apply_updates(state["params"], updates)
    return {"params": params, "optimizer": opt_state}, {"loss": value}

  return step
