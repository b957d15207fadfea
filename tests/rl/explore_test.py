"""Two-stage rollouts over the IDs of the small world."""

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gr_jax.parallel.mesh import MeshConfig, make_mesh, put_batch, replicated
from gr_jax.rl.explore import Exploration, explorer_gap
from gr_jax.rl.objective import AlignmentConfig
from gr_jax.rl.policies import CONSTRAINED, make_rollout, make_score
from gr_jax.rl.prompts import PromptBatch
from gr_jax.rl.scored_group import ScoredGroup
from gr_jax.rl.update import make_update, start_alignment
from tests.reference import small_policy
from tests.reference.small_world import shop, writer

B, G, N, K = 8, 4, 8, 1


@functools.cache
def mesh():
  return make_mesh(MeshConfig())


@functools.cache
def batch():
  rows = np.arange(100, 100 + B)
  experts = np.arange(B, dtype=np.int32)[:, None]
  experts[-1] = -1
  return put_batch(
    PromptBatch(
      rows=rows.astype(np.int32),
      prompt=writer().prompts(rows, shown=np.ones(B, bool)),
      queries=writer().queries(shop().requests.query[rows]),
      experts=experts,
      positives=experts[:, :0],
    ),
    mesh(),
  )


@functools.cache
def context():
  return jax.device_put(small_policy.context(), replicated(mesh()))


def coarse(params):
  """A copy that is as coarse as four bits are."""
  return jax.tree.map(lambda x: jnp.round(4 * x) / 4, params)


def same(params):
  return params


@functools.cache
def rollout(size, explorer=None):
  return make_rollout(
    small_policy.model(),
    sample=CONSTRAINED.sample,
    group_size=size,
    mesh=mesh(),
    explorer=explorer,
  )


def samples(size, explorer=None):
  return rollout(size, explorer)(
    context().reference, context(), batch(), jax.random.key(0)
  )


@functools.cache
def update(explore=None):
  return make_update(
    make_score(small_policy.model(), CONSTRAINED.score),
    optax.sgd(0.1),
    config=AlignmentConfig(kl_coef=0.0),
    like=start(),
    explore=explore,
  )


def start():
  state = start_alignment(small_policy.params(), optax.sgd(0.1))
  return jax.device_put(state, replicated(mesh()))


def rewards(size):
  values = np.random.default_rng(1).random((B, size + K)).astype(np.float32)
  return put_batch(values, mesh())


def test_candidates_as_many_as_the_group_are_the_plain_update():
  """Sol-RL with N = 2 K is DiffusionNFT; here it is EG-GRPO, bit for bit."""
  plain, explored = samples(G), samples(G, same)
  chex.assert_trees_all_equal(plain.group, explored.group)
  after, _ = update()(start(), context(), plain, rewards(G))
  again, found = update(Exploration(G, G))(
    start(), context(), explored, rewards(G)
  )
  chex.assert_trees_all_equal(after.params, again.params)
  assert float(found["align/explorer_gap"]) < 1e-5


def test_the_kept_candidates_are_learned_and_no_other():
  """Rewards of those that lost change nothing, nor do their codes."""
  found, values = samples(N, coarse), rewards(N)
  step = update(Exploration(N, G))
  after, metrics = step(start(), context(), found, values)
  kept, kept_values = Exploration(N, G).choose(found, values)
  assert kept.group.ids.shape == (B, G + K)
  again, _ = update()(
    start(), context(), kept.replace(drawn_log_probs=None), kept_values
  )
  chex.assert_trees_all_close(after.params, again.params, rtol=1e-6)
  np.testing.assert_array_equal(kept.group.ids[:, -1], [*range(7), -1])
  drawn = np.asarray(values)[:, :N]
  falling = -np.sort(-drawn, axis=1)
  expected = falling[:, :2].mean(axis=1) - falling[:, -2:].mean(axis=1)
  np.testing.assert_allclose(
    metrics["align/contrast"], expected.mean(), rtol=1e-5
  )
  np.testing.assert_allclose(
    metrics["align/explored_reward"], drawn.mean(), rtol=1e-5
  )


def test_no_number_of_the_explorer_reaches_the_loss():
  """Log-probabilities that it gave may be NaN: the update is the same."""
  found, values = samples(N, coarse), rewards(N)
  step = update(Exploration(N, G))
  after, _ = step(start(), context(), found, values)
  poisoned = found.replace(
    drawn_log_probs=jnp.full_like(found.drawn_log_probs, jnp.nan)
  )
  again, _ = step(start(), context(), poisoned, values)
  chex.assert_trees_all_equal(after.params, again.params)
  chex.assert_tree_all_finite(again.params)


def test_a_coarser_explorer_is_further_from_the_old_policy():
  step, values = update(Exploration(N, G)), rewards(N)

  @functools.cache
  def metrics(explorer):
    return step(start(), context(), samples(N, explorer), values)[1]

  def gap(explorer, which=""):
    return float(metrics(explorer)[f"align/explorer_gap{which}"])

  assert gap(same) < 1e-5 < 1e-3 < gap(coarse)
  assert gap(coarse, "_p95") > gap(coarse)


def median(scored, drawn):
  return explorer_gap(scored, drawn)["align/explorer_gap"]


def percentile(scored, drawn):
  return explorer_gap(scored, drawn)["align/explorer_gap_p95"]


def test_the_gap_is_the_median_over_codes_that_were_drawn():
  old = jnp.array([[[-0.5, -1, -2], [-9, -9, -9]]])
  where = jnp.array([[[True, True, True], [True, True, True]]])
  sampled = jnp.array([[True, False]])
  scored = ScoredGroup(old, old, jnp.zeros((1, 2)), where, sampled)
  drawn = old + jnp.array([0.5, -0.1, 0.2])
  np.testing.assert_allclose(median(scored, drawn), 0.2, rtol=1e-5)
  broken = drawn.at[0, 0, :2].set(jnp.nan)
  assert median(scored, broken) == jnp.inf
  # The first code is the only one there: nothing is chosen.
  forced = ScoredGroup(
    old.at[0, 0, 0].set(0.0), old, jnp.zeros((1, 2)), where, sampled
  )
  forced = dataclasses.replace(forced, old_log_probs=forced.log_probs)
  found = median(forced, drawn.at[0, 0, 0].set(0.0))
  np.testing.assert_allclose(found, 0.15, rtol=1e-5)
  nobody = ScoredGroup(
    old, old, jnp.zeros((1, 2)), where, ~jnp.ones((1, 2), bool)
  )
  assert median(nobody, drawn) == 0
  assert percentile(nobody, drawn) == 0


def test_the_percentile_is_the_gap_that_a_twentieth_of_the_codes_passes():
  old = -jnp.ones((1, 21, 1))
  gaps = jnp.arange(21.0)[None, ::-1, None] / 10
  always = jnp.ones((1, 21), bool)
  scored = ScoredGroup(old, old, jnp.zeros((1, 21)), always[..., None], always)
  np.testing.assert_allclose(percentile(scored, old + gaps), 1.9, rtol=1e-5)
  np.testing.assert_allclose(median(scored, old + gaps), 1.0, rtol=1e-5)
  # Where it falls between two codes it is the one further away, never NaN.
  some = dataclasses.replace(scored, sampled=always.at[0, 20].set(False))
  far = (old + gaps).at[0, 0, 0].set(-jnp.inf)
  assert percentile(some, far) == jnp.inf
  np.testing.assert_allclose(median(some, far), 1.05, rtol=1e-5)


def test_fewer_candidates_than_are_learned_are_refused():
  with pytest.raises(ValueError, match=r"candidates \(3\) must be at least"):
    Exploration(3, 4)
