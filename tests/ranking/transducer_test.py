"""A unit computes what the paper prints."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.nn.semi_local_attention import semi_local_mask
from gr_jax.ranking.places import Places
from gr_jax.ranking.transducer import Transducer, TransducerConfig

SMALL = TransducerConfig(
  layers=1, width=6, heads=2, head_size=3, local=4, prefix=2, block=4
)


def silu(x):
  return x / (1 + np.exp(-x))


def norm(x, params):
  x = x - x.mean(axis=-1, keepdims=True)
  x = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-6)
  return x * params["scale"] + params["bias"]


@pytest.mark.parametrize("divide_by", [0, 7])
def test_a_unit_is_the_printed_equations(divide_by):
  config = dataclasses.replace(SMALL, divide_by=divide_by)
  rng = np.random.default_rng(0)
  x, t = rng.normal(size=(1, 12, 6)), rng.normal(size=(1, 2, 6))
  owners = np.array([[0] * 8 + [1] * 3 + [-1]], np.int32)
  own = np.array([[*range(8), 0, 1, 2, 0]], np.int32)
  places = Places(*map(jnp.asarray, (owners, own, own)))
  reads = np.zeros((1, 2, 12), bool)
  reads[0, 0, :5] = reads[0, 1, 8:11] = True
  model = Transducer(config)
  given = jnp.float32(x), jnp.float32(t), places, jnp.asarray(reads)
  params = nn.unbox(jax.jit(model.init)(jax.random.key(0), *given))
  found_x, found_t, kept = jax.jit(model.apply)(params, *given)

  unit = jax.tree.map(
    lambda leaf: np.asarray(leaf[0], np.float64), params["params"]["units"]
  )

  def parts(z):
    z = norm(z, unit["norm"]["LayerNorm_0"]) @ unit["inputs"]["dense"]["kernel"]
    return np.moveaxis(silu(z).reshape(*z.shape[:-1], 4, 2, 3), -3, 0)

  def add(z, weights, v, extra, u):
    out = np.einsum("rhqk,rkhd->rqhd", weights, v) + extra
    out = (out / (divide_by or 1)).reshape(*z.shape[:-1], 6)
    out = norm(out, unit["inner_norm"]["LayerNorm_0"])
    return z + out * u.reshape(out.shape) @ unit["output"]["dense"]["kernel"]

  u, q, k, v = parts(x)
  mask = np.asarray(semi_local_mask(places[0], places[1], sizes=config.sizes))
  scores = silu(np.einsum("rqhd,rkhd->rhqk", q, k)) * mask[:, None]
  np.testing.assert_allclose(found_x, add(x, scores, v, 0, u), atol=2e-5)
  np.testing.assert_allclose(kept[0][0], k, atol=1e-5)
  own_u, q, own_k, own_v = parts(t)
  scores = silu(np.einsum("rqhd,rkhd->rhqk", q, k)) * reads[:, None]
  itself = silu((q * own_k).sum(-1))[..., None] * own_v
  expected = add(t, scores, v, itself, own_u)
  np.testing.assert_allclose(found_t, expected, atol=2e-5)


def test_values_that_cannot_be_are_refused():
  with pytest.raises(ValueError, match=r"model\.attention"):
    dataclasses.replace(SMALL, attention="window")
  with pytest.raises(ValueError, match=r"model.heads \(0\)"):
    dataclasses.replace(SMALL, heads=0)
