import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given, settings
from hypothesis import strategies as st

from gr_jax.generators.priors.candidate_prior import CandidatePrior
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.count_prior import CountPrior
from gr_jax.generators.prompts.writer import Prompt
from tests.reference.noisy import noisy
from tests.reference.random_candidates import FEATURES, SIZES, catalogue, drawn

WIDTH = 4


def prompt_of(candidates):
  rows = len(candidates.mask)
  return Prompt(
    profile=np.zeros((rows, 1, 1), np.int32),
    history=np.full((rows, 1, len(SIZES) + 2), -1, np.int32),
    mask=np.zeros((rows, 2), bool),
    candidates=candidates,
  )


def made(seed, prompt, counts):
  prior = CountPrior(0, SIZES, WIDTH, candidate_features=FEATURES)
  params = prior.init(
    jax.random.key(seed),
    prompt,
    counts,
    [jnp.zeros((len(prompt.mask), 1, WIDTH))] * len(SIZES),
    jnp.zeros((len(prompt.mask), 1, len(SIZES)), int),
    method="biases",
  )
  params = noisy(nn.unbox(params))
  # Gates of one: what is left is the mixture of items.
  own = params["params"]["candidates"]
  own["gate_bias"] = jnp.zeros(len(SIZES))
  return prior, params


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_codes_draw_items_of_the_mixture(seed, has_ends):
  """prod_l softmax(bias_l)[c_l] = (share(id) + w(id)) / (1 + sum of w)."""
  rng = np.random.default_rng(seed)
  semantic_ids, popularity = catalogue(rng, has_ends)
  candidates, items = drawn(rng, semantic_ids, rows=2, requests=1)
  prompt = prompt_of(candidates)
  counts = count_catalogue(semantic_ids, popularity, alpha=1.0)
  prior, params = made(seed, prompt, counts)
  bound = prior.bind(params)
  weights = np.exp(bound.candidates.log_weights(candidates.features))
  weights = np.where(candidates.mask, weights, 0)[:, 0]
  by_id = np.zeros((2, semantic_ids.num_ids))
  for row in range(2):
    np.add.at(by_id[row], semantic_ids.id_of_item[items[row, 0]], weights[row])
  mass = np.bincount(semantic_ids.id_of_item, popularity + 1.0)
  expected = (mass / mass.sum() + by_id) / (1 + by_id.sum(1, keepdims=True))
  ids = np.broadcast_to(semantic_ids.ids, (2, *semantic_ids.ids.shape))
  state, found = bound.start(prompt), 0.0
  zeros = jnp.zeros((2, ids.shape[1], WIDTH))
  for level in range(len(SIZES)):
    if level:
      state = bound.step(state, counts, ids[..., level - 1], level - 1)
    bias = bound.bias(state, counts, zeros, level)
    columns = ids[..., level] % bias.shape[-1]
    ended = level and (ids[..., level - 1] < 0)
    log_p = jax.nn.log_softmax(bias)
    log_p = jnp.broadcast_to(log_p, (2, ids.shape[1], bias.shape[-1]))
    chosen = jnp.take_along_axis(log_p, columns[..., None], -1)[..., 0]
    found += jnp.where(ended, 0, chosen)
  np.testing.assert_allclose(np.exp(found), expected, rtol=1e-4, atol=1e-6)


def test_a_kind_of_requests_uses_a_share_of_the_gates():
  """log g = r (u . s + b): 0 leaves gates of one, a half the root of them."""
  rng = np.random.default_rng(0)
  semantic_ids, popularity = catalogue(rng, has_ends=False)
  candidates, _ = drawn(rng, semantic_ids, rows=3, requests=1)
  candidates = candidates.replace(kind=np.arange(3, dtype=np.int32)[:, None])
  prompt = prompt_of(candidates)
  counts = count_catalogue(semantic_ids, popularity, alpha=1.0)
  prior, params = made(0, prompt, counts)
  own = params["params"]["candidates"]
  own |= {"gate_bias": jnp.full(len(SIZES), 0.7), "used": jnp.ones(3)}
  states = jnp.asarray(rng.normal(size=(3, 1, WIDTH)), jnp.float32)

  def mass(params):
    bound = prior.bind(params)
    return np.exp(bound.bias(bound.start(prompt), counts, states, 0))

  full, popular = mass(params), counts.rows(0, jnp.zeros(1, int))
  own["used"] = jnp.array([0.0, 0.5, 1.0])
  gate = np.exp(states[:, 0] @ own["gate"][0] + 0.7)[:, None, None]
  factor = gate ** (np.array([0.0, 0.5, 1.0])[:, None, None] - 1)
  np.testing.assert_allclose(
    mass(params), popular + (full - popular) * factor, rtol=1e-4
  )


@pytest.mark.parametrize("has_ends", [False, True])
def test_a_request_reads_its_own_candidates_only(has_ends):
  """Two requests of one row score as each of them alone."""
  rng = np.random.default_rng(0)
  semantic_ids, popularity = catalogue(rng, has_ends)
  candidates, _ = drawn(rng, semantic_ids, rows=2, requests=2)
  counts = count_catalogue(semantic_ids, popularity, alpha=1.0)
  prior, params = made(0, prompt_of(candidates), counts)
  states = [jnp.asarray(rng.normal(size=(2, 2, WIDTH)), jnp.float32)] * 3
  codes = semantic_ids.codes[rng.integers(0, 12, (2, 2))]

  def biases(part, of):
    one = jax.tree.map(lambda x: x[:, part], candidates)
    return prior.apply(
      params,
      prompt_of(one),
      counts,
      [x[:, of] for x in states],
      codes[:, of],
      method="biases",
    )

  both = biases(slice(None), slice(None))
  for p in range(2):
    alone = biases(slice(p, p + 1), slice(p, p + 1))
    for one, all_ in zip(alone, both):
      np.testing.assert_allclose(one[:, 0], all_[:, p], atol=1e-5)


def test_a_new_prior_draws_mostly_what_is_popular_and_can_learn():
  prior = CandidatePrior(FEATURES, len(SIZES), WIDTH)
  rng = np.random.default_rng(0)
  semantic_ids, _ = catalogue(rng, has_ends=False)
  candidates, _ = drawn(rng, semantic_ids, rows=2, requests=1)
  params = nn.unbox(prior.init(jax.random.key(0), candidates, method="start"))
  state = prior.apply(params, candidates, method="start")
  np.testing.assert_allclose(
    state.weights, np.where(candidates.mask, np.exp(-4.0), 0), rtol=1e-6
  )

  def fitted(params):
    found = prior.apply(params, candidates.features, method="log_weights")
    return (found * candidates.mask).sum()

  def in_the_network(params):
    return prior.apply(params, candidates, method="start").weights.sum()

  grads = jax.grad(fitted)(noisy(params))["params"]
  moved = {name for name, x in grads.items() if np.abs(x).sum() > 0}
  assert moved >= {"first", "second", "last", "linear", "bias"}
  assert not moved & {"gate", "gate_bias", "used"}
  chex.assert_trees_all_equal(
    jax.grad(in_the_network)(noisy(params)),
    jax.tree.map(jnp.zeros_like, params),
  )
