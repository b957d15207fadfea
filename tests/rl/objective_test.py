from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.rl.advantages import informative_groups
from gr_jax.rl.kl import k2
from gr_jax.rl.losses.grpo import dapo_loss
from gr_jax.rl.objective import (
  AlignmentConfig,
  alignment_config,
  all_groups,
  group_weights,
  objective,
)
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.policies import IdSamples
from gr_jax.rl.scored_group import Group


def batch(rewards, sampled, positives):
  """Groups of two members and one positive, a code each, and rewards."""
  sampled = np.asarray(sampled)
  shape = (*sampled.shape, 1)
  samples = IdSamples(
    prompt=None,
    queries=None,
    group=Group(
      ids=np.zeros(shape[:2], np.int32),
      codes=np.zeros(shape, np.int32),
      where=np.ones(shape, bool),
      sampled=sampled,
    ),
    positives=np.zeros((len(sampled), 1, 1), np.int32),
    positives_where=np.asarray(positives).reshape(-1, 1, 1),
  )
  return samples, np.asarray(rewards, np.float32)


def test_each_mean_is_over_the_groups_that_have_its_members():
  example = batch(
    rewards=[[1, 0], [1, 1], [0, 1]],
    sampled=[[True, False], [False, False], [True, True]],
    positives=[True, False, False],
  )
  found = group_weights(*example, AlignmentConfig())
  np.testing.assert_allclose(found.policy, [1 / 3] * 3)
  np.testing.assert_allclose(found.kl, [0.5, 0, 0.5])
  np.testing.assert_allclose(found.nll, [1, 0, 0])
  dropped = group_weights(*example, AlignmentConfig(counted=informative_groups))
  np.testing.assert_allclose(dropped.policy, [0.5, 0, 0.5])


def test_a_mean_over_no_group_is_nothing():
  example = batch([[1, 1]], [[False, False]], [False])
  config = AlignmentConfig(counted=informative_groups)
  found = group_weights(*example, config)
  assert found.policy.sum() == found.kl.sum() == found.nll.sum() == 0


def test_every_group_with_a_member_counts():
  where = np.array([[True, False], [False, False]])
  found = all_groups(np.zeros((2, 2)), where=where)
  np.testing.assert_array_equal(found, [True, False])


def test_a_section_gives_the_objective_that_it_describes():
  assert alignment_config({"loss": "eg_grpo", "kl_coef": 1.0}) == (
    AlignmentConfig()
  )
  found = alignment_config(
    {
      "loss": "dapo",
      "loss_options": {"clip_high": 0.4, "beta": None},
      "advantages": "",
      "drop_equal_groups": True,
      "kl_coef": 0.5,
      "kl_estimator": "k2",
      "nll_coef": 0.1,
      "old_every": 3,
      "old_decay": 0.9,
      "parts": 2,
      "seed": 0,
    }
  )
  assert found.policy_loss.func is dapo_loss
  assert found.policy_loss.keywords == {"clip_high": 0.4}
  assert found.counted is informative_groups
  assert (found.kl_coef, found.kl_estimator) == (0.5, k2)
  assert (found.nll_coef, found.parts) == (0.1, 2)
  assert found.old_policy == OldPolicy(3, 0.9)


class Context(NamedTuple):
  reference: jax.Array
  positives: jax.Array


def scores(params, context, samples):
  """Log-probabilities of a code a member: the parameters themselves."""
  del samples
  return params, context.positives


def test_the_terms_of_the_objective_are_the_equation():
  """Two prompts of two members; an expert is left out of the divergence."""
  samples, rewards = batch(
    rewards=[[1, 0], [0, 1]],
    sampled=[[True, False], [True, True]],
    positives=[True, False],
  )
  config = AlignmentConfig(
    policy_loss=lambda group: jnp.sum(
      group.rewards * jnp.sum(group.log_probs, axis=-1), axis=-1
    ),
    kl_coef=0.5,
    kl_estimator=k2,
    nll_coef=0.25,
  )
  params = jnp.array([[-1.0, -2.0], [-3.0, -4.0]])[..., None]
  context = Context(
    reference=jnp.array([[-2.0, -9.0], [-3.0, -2.0]])[..., None],
    positives=jnp.array([[[-0.7]], [[-5.0]]]),
  )
  value, (terms, _) = objective(
    params,
    params,
    context,
    samples,
    rewards,
    group_weights(samples, rewards, config),
    score=scores,
    config=config,
  )
  policy = (-1 - 4) / 2
  # k2 of prompt 0 is 1 / 2, its expert's would be 49 / 2; of prompt 1 it is the
  # mean of 0 and 4 / 2.
  kl = (0.5 + (0 + 2) / 2) / 2
  np.testing.assert_allclose(terms["align/policy_loss"], policy, rtol=1e-6)
  np.testing.assert_allclose(terms["align/kl"], kl, rtol=1e-6)
  np.testing.assert_allclose(terms["align/nll"], 0.7, rtol=1e-6)
  np.testing.assert_allclose(value, policy + 0.5 * kl + 0.25 * 0.7, rtol=1e-6)


def test_the_reference_alone_reads_what_it_is_given():
  samples, rewards = batch([[1, 0]], [[True, True]], [False])
  config = AlignmentConfig(
    policy_loss=lambda group: jnp.sum(
      group.log_probs - group.ref_log_probs, axis=(-2, -1)
    ),
    kl_coef=0.0,
    reference_reads=lambda samples: samples.replace(queries=jnp.float32(1)),
  )

  def read(params, context, samples):
    found = params if samples.queries is None else params - samples.queries
    return found, context.positives

  params = jnp.array([[-1.0, -2.0]])[..., None]
  context = Context(reference=params, positives=jnp.zeros((1, 1, 1)))
  value, _ = objective(
    params,
    params,
    context,
    samples,
    rewards,
    group_weights(samples, rewards, config),
    score=read,
    config=config,
  )
  np.testing.assert_allclose(value, 2.0)
