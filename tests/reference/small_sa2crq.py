"""A tiny SA2CRQ, fitted once."""

import functools

import jax
import numpy as np

from gr_jax.tokenizers import rq_vae, sa2crq, sa2crq_training, sarq

VAE = rq_vae.RqVaeConfig(
  hidden=(16,),
  latent=4,
  levels=(8, 8, 8),
  batch_size=64,
  steps=8,
  init_rows=128,
  init_iterations=3,
  dot_general=jax.lax.dot_general,
)
CONFIG = sa2crq.Sa2crqConfig(
  sarq.SarqConfig(VAE, tau_items=(4.0, 4.0)),
  head_levels=(3, 5, 8),
  tail_steps=12,
  new_prior=1 / 8,
)
X = np.asarray(jax.random.normal(jax.random.key(0), (200, 8)))
WEIGHTS = np.random.default_rng(0).zipf(1.6, 200).clip(max=500)
HEAD = np.median(WEIGHTS) < WEIGHTS
KEY = jax.random.key(1)


@functools.cache
def fitted():
  """The tokenizer after both phases, and the history."""
  return sa2crq_training.fit(X, WEIGHTS, HEAD, config=CONFIG, key=KEY)


@functools.cache
def first_phase() -> sarq.SarqState:
  """The state after phase 1 alone."""
  share = WEIGHTS[HEAD].sum() / WEIGHTS.sum()
  budgets = sarq.budgets(CONFIG.adaptive, num_items=200, counted_share=share)
  state, _ = sarq.fit(
    X[HEAD],
    WEIGHTS[HEAD],
    config=CONFIG.head,
    budgets=budgets,
    key=jax.random.split(KEY)[0],
  )
  return state
