"""Pictures of prompts and seeds."""

import functools

import jax
import numpy as np
import pytest

from gr_jax.diffusion.flow_model import FlowModel
from gr_jax.diffusion.generation import (
  GenerationConfig,
  generate_all,
  make_generate,
)
from gr_jax.diffusion.noise import first_noise
from tests.reference.small_flow import (
  MODEL,
  TOKENS,
  first_model_params,
  noisy,
)

SEEDS = np.array([11, 5, 11, 7], np.int32)


@functools.cache
def generate(guidance=2.0):
  config = GenerationConfig(steps=3, guidance=guidance)
  return make_generate(FlowModel(MODEL), config)


@functools.cache
def params():
  # Small: pictures of a few steps do not blow up.
  return jax.tree.map(lambda x: 0.5 * x, noisy(first_model_params()))


def pictures(rows=slice(None)):
  return np.asarray(generate()(params(), TOKENS[rows], SEEDS[rows]))


def test_a_picture_depends_on_its_prompt_and_seed_alone():
  whole = pictures()
  np.testing.assert_array_equal(pictures(), whole)
  order = np.array([2, 3, 0, 1])
  np.testing.assert_array_equal(pictures(order), whole[order])
  # Beside others, in a batch of the same size.
  again = pictures(np.array([1, 1, 1, 1]))
  np.testing.assert_array_equal(again, np.repeat(whole[1:2], 4, axis=0))
  # In a batch of another size products may add up in another order.
  np.testing.assert_allclose(pictures([1]), whole[1:2], rtol=1e-4, atol=1e-4)


def test_prompts_and_seeds_make_a_difference():
  same_seed = pictures()[[0, 2]]
  same_prompt = generate()(params(), TOKENS[[0, 0, 0, 0]], SEEDS)
  for pair in (same_seed, same_prompt[:2]):
    assert np.abs(pair[0] - pair[1]).max() > 1e-3


def test_many_pictures_are_those_of_their_batches():
  found = generate_all(
    generate(), params(), TOKENS[[0, 1, 2, 3, 1]], np.append(SEEDS, 5), rows=4
  )
  np.testing.assert_array_equal(found[:4], pictures())
  np.testing.assert_array_equal(found[4], found[1])


def test_an_untrained_model_leaves_the_noise():
  found = generate()(first_model_params(), TOKENS, SEEDS)
  expected = first_noise(SEEDS, MODEL.shape)
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_guidance_does_nothing_where_there_is_no_prompt():
  found = pictures([3, 3, 3, 3])
  plain = generate(1.0)(params(), TOKENS[[3, 3, 3, 3]], SEEDS[[3, 3, 3, 3]])
  np.testing.assert_allclose(found, plain, rtol=1e-4, atol=1e-4)


def test_an_unknown_sampler_is_named():
  with pytest.raises(ValueError, match="'midpoint'"):
    GenerationConfig(sampler="midpoint")
