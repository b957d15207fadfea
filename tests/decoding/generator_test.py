"""Generators keep the contract that searches rely on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.generators.encoder_decoder import EncoderDecoder
from tests.reference import small_policy
from tests.reference.noisy import noisy
from tests.reference.small_world import semantic_ids, writer

SIZES = semantic_ids().level_sizes
B = 2


def encoder_decoder():
  decoder_only = small_policy.model()
  model = EncoderDecoder(
    decoder_only.config, decoder_only.prompt_size, SIZES, ends=True
  )
  codes = np.zeros((B, 1, len(SIZES)), np.int32)
  prompt, queries = prompts()
  shapes = jax.eval_shape(
    model.init, jax.random.key(0), prompt, queries[:, None], codes
  )
  zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), nn.unbox(shapes))
  return model, noisy(zeros)


def decoder_only():
  return small_policy.model(), small_policy.params()


def prompts():
  prompt = writer().prompts(np.arange(100, 100 + B), shown=np.ones(B, bool))
  return prompt, writer().queries(np.array([0, -1]))


@pytest.fixture(scope="module", params=[decoder_only, encoder_decoder])
def steps(request):
  """The generator, its log-probabilities of level 0, and a step to level 1."""
  model, variables = request.param()
  log_probs, cache = jax.jit(model.prefill)(variables, prompts())
  step = jax.jit(functools.partial(model.decode_step, level=1))
  return model, log_probs, lambda *beams: step(variables, *beams, cache)


def test_steps_give_normalised_log_probs_in_float32(steps):
  model, log_probs, step = steps
  assert log_probs.shape == (B, SIZES[0])
  codes = jnp.array([[0, 3, 1], [2, 2, 0]])
  following, _ = step(codes, jnp.zeros((B, 3), jnp.int32))
  assert following.shape == (B, 3, SIZES[1] + model.ends)
  for found in (log_probs, following):
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(jnp.exp(found).sum(axis=-1), 1, rtol=1e-5)


def test_a_beam_depends_on_its_own_code_alone(steps):
  """Other codes of the other beams, and the same beams in another order."""
  _, _, step = steps
  parents = jnp.zeros((B, 3), jnp.int32)
  codes = jnp.array([[0, 3, 1], [2, 2, 0]])
  found, _ = step(codes, parents)
  changed, _ = step(codes.at[:, 1:].set(0), parents)
  np.testing.assert_allclose(found[:, 0], changed[:, 0], atol=1e-5)
  assert np.abs(found[0, 1] - changed[0, 1]).max() > 1e-3
  turned, _ = step(codes[:, ::-1], parents)
  np.testing.assert_allclose(found, turned[:, ::-1], atol=1e-5)
