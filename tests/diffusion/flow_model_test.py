"""What a network puts out, and the velocity that it is."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.diffusion.flow_model import PREDICTS, FlowModel
from gr_jax.diffusion.rectified_flow import clean, interpolate
from tests.reference.small_flow import MODEL, TOKENS

PICTURE = dataclasses.replace(MODEL, predicts="picture")


def test_the_velocity_of_the_true_picture_is_the_true_velocity():
  keys = jax.random.split(jax.random.key(0))
  x0, noise = (jax.random.normal(key, (4, 2, 2, 3)) for key in keys)
  t = jnp.array([0.05, 0.3, 0.7, 1.0])
  found = PREDICTS["picture"](x0, interpolate(x0, noise, t), t)
  np.testing.assert_allclose(found, noise - x0, atol=2e-5)


def test_what_the_network_puts_out_is_the_clean_picture():
  """Whatever it is: `x - t v` gives it back at all times but the last."""
  out, x = (jax.random.normal(jax.random.key(k), (3, 2, 2, 1)) for k in (1, 2))
  t = jnp.array([0.05, 0.5, 1.0])
  np.testing.assert_allclose(
    clean(x, PREDICTS["picture"](out, x, t), t), out, atol=1e-5
  )


def test_the_velocity_is_finite_where_nothing_is_noise():
  x = jnp.ones((1, 2, 2, 3))
  chex.assert_tree_all_finite(PREDICTS["picture"](2 * x, x, jnp.zeros(1)))


def test_both_have_the_same_parameters_and_start_at_nothing():
  """The last layer is 0 at first: a velocity of 0, or a gray picture."""
  x = jax.random.normal(jax.random.key(3), (len(TOKENS), *MODEL.shape))
  t = jnp.full(len(x), 0.5)
  model = FlowModel(MODEL)
  params = jax.jit(model.init)(jax.random.key(0), x, t, TOKENS)
  np.testing.assert_array_equal(model.apply(params, x, t, TOKENS), 0 * x)
  found = FlowModel(PICTURE).apply(params, x, t, TOKENS)
  np.testing.assert_allclose(found, 2 * x, rtol=1e-6)


def test_what_cannot_be_predicted_is_refused():
  with pytest.raises(ValueError, match="velocity"):
    dataclasses.replace(MODEL, predicts="noise")
