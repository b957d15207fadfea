import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.rl import ratios
from gr_jax.rl.scored_group import ScoredGroup

SEEDS = st.integers(0, 2**31 - 1)


def policies(seed):
  rng = np.random.default_rng(seed)
  new, old = rng.normal(size=(2, 4, 3)).astype(np.float32)
  return scored(new, old, np.arange(3) < rng.integers(1, 4, (4, 1)))


def scored(new, old, where):
  present = where.any(axis=-1)
  return ScoredGroup(new, old, np.zeros(len(new)), where, present)


@given(SEEDS)
def test_a_sequence_ratio_is_the_product_of_its_token_ratios(seed):
  group = policies(seed)
  tokens = ratios.token_ratios(group)
  whole = ratios.sequence_ratios(group)
  np.testing.assert_allclose(whole, np.prod(tokens, axis=1), rtol=1e-5)
  mean = ratios.mean_ratios(group)
  np.testing.assert_allclose(mean ** group.where.sum(axis=1), whole, rtol=1e-4)


@given(SEEDS)
def test_all_ratios_are_one_at_the_old_policy(seed):
  group = policies(seed)
  group = group.replace(old_log_probs=group.log_probs)
  for ratio in (ratios.token_ratios, ratios.sequence_ratios,
                ratios.mean_ratios, ratios.stopped_ratios):  # fmt: skip
    np.testing.assert_array_equal(ratio(group), 1)
  early = ratios.early_clipped_ratios(group, limit=1.3)
  np.testing.assert_array_equal(early, 1)


@given(SEEDS)
def test_early_clipping_is_an_upper_bound(seed):
  group = policies(seed)
  early = ratios.early_clipped_ratios(group, limit=1.3)
  whole = ratios.sequence_ratios(group)
  np.testing.assert_allclose(early, np.minimum(whole, 1.3), rtol=1e-5)


def test_the_stopped_ratio_has_the_gradient_of_the_logarithm():
  group = policies(0)

  def total(log_probs):
    return ratios.stopped_ratios(group.replace(log_probs=log_probs)).sum()

  np.testing.assert_array_equal(jax.grad(total)(group.log_probs), group.where)


TOKENS = jnp.array([[[1.0, 2.0, 9.0], [4.0, 9.0, 9.0], [9.0, 9.0, 9.0]]])
WHERE = jnp.array([[[1, 1, 0], [1, 0, 0], [0, 0, 0]]], bool)


def test_masked_tokens_are_in_no_mean():
  sums = ratios.sequence_sums(TOKENS, where=WHERE)
  means = ratios.sequence_means(TOKENS, where=WHERE)
  np.testing.assert_array_equal(sums, [[3, 4, 0]])
  np.testing.assert_array_equal(means, [[1.5, 4, 0]])
  there = WHERE.any(axis=-1)
  group = ratios.group_mean(means, where=there)
  np.testing.assert_array_equal(group, [(1.5 + 4) / 2])
  tokens = ratios.token_mean(TOKENS, where=WHERE)
  np.testing.assert_allclose(tokens, [7 / 3], rtol=1e-6)


def test_means_of_a_batch_are_those_of_its_groups():
  rng = np.random.default_rng(0)
  tokens = rng.normal(size=(5, 4, 3)).astype(np.float32)
  where = np.arange(3) < rng.integers(0, 4, (5, 4, 1))
  sequences, there = tokens[..., 0], where.any(axis=-1)
  for function, values, mask in (
    (ratios.sequence_sums, tokens, where),
    (ratios.sequence_means, tokens, where),
    (ratios.token_mean, tokens, where),
    (ratios.group_mean, sequences, there),
  ):
    alone = [function(v, where=m) for v, m in zip(values, mask)]
    np.testing.assert_allclose(
      function(values, where=mask), alone, rtol=1e-5, atol=1e-6
    )
