import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.decoding.sampling import sample_group
from gr_jax.decoding.scoring import (
  constrained_log_probs,
  model_log_probs,
  token_mask,
)
from gr_jax.decoding.trie import build_trie
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy
from tests.reference.random_ids import random_ids
from tests.reference.small_world import semantic_ids, writer

CONFIG = TransformerConfig(
  layers=2, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=24
)
GROUP = 5


@functools.cache
def scored():
  """Rollouts of a small model and the packed scores of the same codes."""
  sizes = semantic_ids().level_sizes
  model = DecoderOnly(CONFIG, writer()._vocabulary.prompt_size, sizes, True)
  ids = random_ids(np.random.default_rng(0), sizes, 30, has_ends=True)
  trie = build_trie(ids, sizes)
  prompt = writer().prompts(np.arange(90, 94), shown=np.ones(4, bool))
  queries = writer().queries(np.array([0, -1, 3, 2]))
  codes = np.zeros((4, 1, len(sizes)), np.int32)
  params = jax.jit(model.init)(
    jax.random.key(0), prompt, queries[:, None], codes
  )
  params = jax.jit(noisy)(nn.unbox(params))
  rollout = jax.jit(functools.partial(sample_group, model, group_size=GROUP))
  rollouts = rollout(params, (prompt, queries), trie, key=jax.random.key(1))
  each = np.repeat(queries[:, None], GROUP, axis=1)
  logits = jax.jit(model.apply)(params, prompt, each, rollouts.codes)
  return trie, rollouts, logits


def test_packed_scores_equal_those_of_the_rollout():
  trie, rollouts, logits = scored()
  where = np.asarray(rollouts.where)
  np.testing.assert_array_equal(token_mask(rollouts.codes), where)
  assert not where.all()
  own = jax.jit(model_log_probs)(logits, rollouts.codes, trie)
  constrained = jax.jit(constrained_log_probs)(logits, rollouts.codes, trie)
  for found, expected in (
    (own, rollouts.model_log_probs),
    (constrained, rollouts.log_probs),
  ):
    np.testing.assert_allclose(
      np.asarray(found)[where], np.asarray(expected)[where], atol=1e-5
    )
  # What the model gives to codes outside the catalogue is not lost.
  assert (constrained >= own - 1e-5).all()


@pytest.mark.parametrize("has_ends", [False, True])
def test_probabilities_in_the_catalogue_sum_to_one(has_ends):
  """With any fixed scores per level; outside it some are left."""
  sizes, rng = (3, 4, 2), np.random.default_rng(1)
  ids = jnp.asarray(random_ids(rng, sizes, 12, has_ends=has_ends))
  logits = [
    jnp.asarray(np.tile(rng.normal(size=size + has_ends), (len(ids), 1)))
    for size in sizes
  ]
  trie = build_trie(np.asarray(ids), sizes)
  constrained = jax.jit(constrained_log_probs)(logits, ids, trie)
  total = jnp.exp(jnp.where(token_mask(ids), constrained, 0).sum(axis=1)).sum()
  np.testing.assert_allclose(total, 1, rtol=1e-5)
  own = jax.jit(model_log_probs)(logits, ids, trie)
  total = jnp.exp(jnp.where(token_mask(ids), own, 0).sum(axis=1)).sum()
  assert total < 0.99


def test_gradients_are_finite_even_where_codes_name_nothing():
  trie, rollouts, logits = scored()
  codes = jnp.where(jnp.arange(GROUP)[:, None] == 0, -1, rollouts.codes)

  def total(logits):
    constrained = constrained_log_probs(logits, codes, trie)
    return jnp.where(token_mask(codes), constrained, 0).sum()

  value, grads = jax.jit(jax.value_and_grad(total))(logits)
  assert np.isfinite(value)
  assert all(np.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("code", [[1, 0], [0, 1], [1, 1]])
def test_codes_that_name_nothing_get_finite_numbers(code):
  """In a trie of one ID, where the nodes beside its own do not exist."""
  trie = build_trie(np.array([[0, 0]]), (2, 2))
  logits = [jnp.array([[0.3, 0.7]]), jnp.array([[0.1, 0.2]])]
  found = constrained_log_probs(logits, jnp.array([code]), trie)
  assert np.isfinite(found).all()
