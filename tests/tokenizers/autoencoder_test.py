import chex
import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.tokenizers import autoencoder


def test_the_decoder_mirrors_the_encoder():
  model = autoencoder.Autoencoder(features=12, hidden=(8, 6), latent=4)
  params = autoencoder.init_params(model, jax.random.key(0))
  widths = {
    side: [params[side][f"Dense_{i}"]["kernel"].shape for i in range(3)]
    for side in ("encoder", "decoder")
  }
  assert widths["encoder"] == [(12, 8), (8, 6), (6, 4)]
  assert widths["decoder"] == [(4, 6), (6, 8), (8, 12)]


def test_bfloat16_products_stay_near_float32():
  x = jax.random.normal(jax.random.key(1), (5, 12))
  fast = autoencoder.Autoencoder(12, (8, 6), 4)
  exact = autoencoder.Autoencoder(12, (8, 6), 4, jax.lax.dot_general)
  variables = {"params": autoencoder.init_params(fast, jax.random.key(0))}
  chex.assert_shape(fast.apply(variables, x, method="encode"), (5, 4))
  np.testing.assert_allclose(
    fast.apply(variables, x), exact.apply(variables, x), atol=0.05
  )
  assert fast.apply(variables, x).dtype == jnp.float32
