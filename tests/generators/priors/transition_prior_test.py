import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.count_prior import CountPrior
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.generators.priors.transition_prior import (
  NeighbourState,
  TransitionPrior,
)
from tests.reference.noisy import noisy
from tests.reference.small_world import semantic_ids, shop, writer

ROWS = np.arange(380, 384)
LAST = 5


@functools.cache
def counted():
  """The shop's catalogue and transitions, and codes of a few histories."""
  requests = shop().requests
  owners = np.repeat(
    np.arange(len(requests.user_ids)), np.diff(requests.user_offsets)
  )
  transitions = count_transitions(
    semantic_ids(),
    requests.event_item,
    owners,
    window=3,
    neighbours=8,
    last=LAST,
  )
  catalogue = count_catalogue(
    semantic_ids(), shop().catalogue.popularity, alpha=1
  )
  tokens = writer().prompts(ROWS, shown=np.ones(4, bool)).history[..., :3]
  offsets = np.array(writer()._vocabulary.code_offsets)
  return catalogue, transitions, np.where(tokens >= 0, tokens - offsets, -1)


@functools.cache
def built():
  _, transitions, history = counted()
  prior = TransitionPrior(levels=3, width=4, last=LAST)
  params = prior.init(jax.random.key(0), history, transitions, method="start")
  return prior, nn.unbox(params)


def test_a_new_prior_weighs_items_as_the_baseline_does():
  _, transitions, history = counted()
  prior, params = built()
  related = prior.apply(params, history, transitions, method="start")
  codes, weights = transitions.related(history)
  ages = 1 + np.arange(weights.shape[1])
  mass = (weights / ages[:, None]).reshape(4, -1)
  expected = mass / (1 + mass.sum(axis=1, keepdims=True))
  np.testing.assert_allclose(related.weights[:, 0], expected, atol=1e-6)
  np.testing.assert_array_equal(related.codes, codes.reshape(4, -1, 3))


def test_mass_is_conserved_along_prefixes():
  """What leaves a prefix is what came in, over the share that led there."""
  catalogue, transitions, history = counted()
  prior, params = built()
  bound = prior.bind(noisy(params))
  related = bound.start(history, transitions)
  states = jnp.zeros((4, 1, 4))
  chosen = semantic_ids().codes[np.arange(60)][None].repeat(4, 0)
  gates = jnp.exp(bound.gate_bias)
  sizes = semantic_ids().level_sizes
  nodes = jnp.zeros((4, 60), jnp.int32)
  for level, columns in enumerate(sizes):
    wide = jnp.broadcast_to(states, (4, related.shares.shape[1], 4))
    found = bound(related, wide, level, columns=columns)
    found = np.broadcast_to(found, (4, 60, columns))
    inside = np.broadcast_to(related.weights.sum(-1), (4, 60))
    shares = np.broadcast_to(related.shares, (4, 60))
    np.testing.assert_allclose(
      found.sum(-1) * shares / gates[level], inside, rtol=1e-4, atol=1e-6
    )
    codes = chosen[..., level]
    mass = np.take_along_axis(found, codes[..., None], 2)[..., 0] * shares
    nodes = catalogue.step(level, nodes.reshape(-1), codes.reshape(-1))
    nodes = nodes.reshape(4, 60)
    related = related.step(codes, catalogue.shares[level][nodes], level)
    np.testing.assert_allclose(
      mass / gates[level], related.weights.sum(-1), rtol=1e-4, atol=1e-6
    )
  assert inside.any()


def biases(transitions, *, gate_bias=0.0):
  """Of one level-by-level walk, with a prior of counts."""
  catalogue, _, _ = counted()
  prior = CountPrior(
    writer()._vocabulary.prompt_size, semantic_ids().level_sizes, 4, LAST
  )
  prompt = writer().prompts(ROWS, shown=np.ones(4, bool))
  codes = semantic_ids().codes[:20].reshape(4, 5, 3)
  states = [jnp.zeros((4, 5, 4))] * 3
  inputs = (prompt, catalogue, states, codes, transitions)
  params = nn.unbox(prior.init(jax.random.key(0), *inputs, method="biases"))
  if transitions is not None:
    gates = params["params"]["transitions"]
    gates["gate_bias"] = gates["gate_bias"] + gate_bias
  return prior.apply(params, *inputs, method="biases")


def test_without_neighbours_the_bias_is_that_of_the_counts():
  _, transitions, _ = counted()
  nothing = transitions.replace(weights=0 * transitions.weights)
  for found, expected in zip(biases(nothing), biases(None)):
    np.testing.assert_array_equal(found, expected)


def test_open_gates_draw_items_as_their_neighbours_are_weighted():
  """Codes one after the other make the mixture that items would."""
  _, transitions, history = counted()
  found = biases(transitions, gate_bias=25.0)
  logs = [jax.nn.log_softmax(x) for x in found]
  codes = semantic_ids().codes[:20].reshape(4, 5, 3)
  total = sum(
    np.take_along_axis(np.asarray(x), codes[..., l : l + 1], 2)[..., 0]
    for l, x in enumerate(logs)
  )
  prior, params = built()
  related = prior.apply(params, history, transitions, method="start")
  same = (related.codes[:, None] == codes[:, :, None]).all(-1)
  mass = np.where(same, related.weights, 0).sum(-1)
  expected = mass / related.weights.sum(-1)
  assert (expected > 0).any()
  np.testing.assert_allclose(np.exp(total), expected, atol=1e-3)


def test_beams_take_weights_and_shares_of_their_own_parents():
  rng = np.random.default_rng(0)
  state = NeighbourState(
    codes=rng.integers(0, 3, (2, 4, 3)),
    weights=jnp.asarray(rng.random((2, 3, 4)), jnp.float32),
    shares=jnp.asarray(rng.random((2, 3)), jnp.float32),
  )
  parents = np.array([[2, 0, 0, 1], [1, 1, 2, 0]])
  found = state.select(jnp.asarray(parents))
  for b, m in np.ndindex(2, 4):
    np.testing.assert_array_equal(
      found.weights[b, m], state.weights[b, parents[b, m]]
    )
    assert found.shares[b, m] == state.shares[b, parents[b, m]]
