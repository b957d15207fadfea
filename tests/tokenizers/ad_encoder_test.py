"""The encoder of ads begins as the given vectors and meets what is new."""

import jax
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.tokenizers.ad_encoder import AdEncoder, AdNetwork

NETWORK = AdNetwork((3, 2), width=8, feed_forward=8)
RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(10, 6)).astype(np.float32)
FACTS = np.column_stack([RNG.integers(-1, 3, 10), RNG.integers(-1, 2, 10)])


def encoder(*, random=False):
  """The initial encoder, or one whose every parameter is random."""
  key = jax.random.key(0)
  params = nn.unbox(jax.jit(NETWORK.init)(key, VECTORS, FACTS))
  if random:
    rng = np.random.default_rng(1)
    params = jax.tree.map(
      lambda x: rng.normal(size=x.shape).astype(np.float32), params
    )
  return AdEncoder(NETWORK, params)


def test_the_first_cosines_are_those_of_the_given_vectors():
  found = encoder().encode(VECTORS, FACTS)
  unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
  np.testing.assert_allclose(found @ found.T, unit @ unit.T, atol=1e-5)


def test_rows_are_unit_and_alone():
  ads = encoder(random=True)
  found = ads.encode(VECTORS, FACTS)
  assert found.dtype == np.float32
  np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
  np.testing.assert_allclose(
    ads.encode(VECTORS[3:4], FACTS[3:4])[0], found[3], atol=1e-5
  )


@pytest.mark.parametrize("fact", [0, 1])
def test_every_fact_is_read_and_a_new_value_is_not_known(fact):
  ads, facts = encoder(random=True), FACTS.copy()
  found = []
  for value in (-1, 0, 1, NETWORK.fact_sizes[fact], 99):
    facts[:, fact] = value
    found.append(ads.encode(VECTORS, facts))
  unknown, zero, one, *new = found
  for a, b in ((unknown, zero), (unknown, one), (zero, one)):
    assert (np.abs(a - b).max(axis=1) > 1e-3).all()
  for each in new:
    np.testing.assert_array_equal(each, unknown)


def test_a_loaded_encoder_encodes_as_before(tmp_path):
  ads = encoder(random=True)
  ads.save(tmp_path)
  loaded = AdEncoder.load(tmp_path, NETWORK)
  np.testing.assert_array_equal(
    loaded.encode(VECTORS, FACTS), ads.encode(VECTORS, FACTS)
  )


def test_facts_have_a_row_for_each_vector():
  with pytest.raises(ValueError, match=r"\[10, 2\], .* got \[9, 2\]"):
    encoder().encode(VECTORS, FACTS[:9])
  with pytest.raises(ValueError, match=r"\[10, 2\], .* got \[10, 1\]"):
    encoder().encode(VECTORS, FACTS[:, :1])
