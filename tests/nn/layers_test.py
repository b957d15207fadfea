import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.nn import layers
from tests.reference.noisy import noisy


def test_norm_divides_by_root_mean_square():
  x = jnp.array([[3.0, 4.0]])
  norm = layers.RMSNorm(epsilon=0.0)
  out = norm.apply(norm.init(jax.random.key(0), x), x)
  np.testing.assert_allclose(out, x / np.sqrt((9 + 16) / 2), rtol=1e-6)


def test_swiglu_is_its_formula():
  x = jax.random.normal(jax.random.key(0), (3, 4))
  module = layers.SwiGLU(5)
  params = noisy(module.init(jax.random.key(1), x))
  gate, up = (
    np.asarray(x) @ params["params"][name]["dense"]["kernel"].value
    for name in ("gate", "up")
  )
  down = params["params"]["down"]["dense"]["kernel"].value
  expected = (gate / (1 + np.exp(-gate)) * up) @ down
  np.testing.assert_allclose(module.apply(params, x), expected, atol=1e-5)


def test_parameters_carry_logical_axes():
  module = layers.Linear(4, ("embed", "mlp"), use_bias=True)
  params = module.init(jax.random.key(0), jnp.ones((2, 3)))
  dense = params["params"]["dense"]
  assert dense["kernel"].names == ("embed", "mlp")
  assert dense["bias"].names == ("mlp",)
  chex.assert_shape(dense["kernel"].value, (3, 4))


def dropped(rate, x, key=None):
  rngs = {} if key is None else {"dropout": key}
  return layers.Dropout(rate).apply({}, x, rngs=rngs)


def test_dropout_sets_its_share_to_zero_and_keeps_the_mean():
  x = jnp.full((100, 1000), 3.0)
  out = np.asarray(dropped(0.25, x, jax.random.key(0)))
  np.testing.assert_array_equal(np.unique(out), [0.0, 4.0])
  np.testing.assert_allclose((out == 0).mean(), 0.25, atol=0.005)


def test_dropout_is_off_without_a_key_and_not_there_without_a_rate():
  x, key = jnp.ones((4, 5)), jax.random.key(0)
  assert dropped(0.5, x) is x
  assert dropped(0.0, x, key) is x
  other = dropped(0.5, x, jax.random.key(1))
  assert (dropped(0.5, x, key) != other).any()
  np.testing.assert_array_equal(other, dropped(0.5, x, jax.random.key(1)))


def test_lora_starts_as_the_product_and_adds_its_formula():
  x = jax.random.normal(jax.random.key(0), (3, 4))
  lora = layers.Lora(rank=2, alpha=6.0)
  module = layers.Linear(5, ("embed", "mlp"), use_bias=True, lora=lora)
  params = module.init(jax.random.key(1), x)
  plain = layers.Linear(5, ("embed", "mlp"), use_bias=True)
  dense = {"params": {"dense": params["params"]["dense"]}}
  start = plain.apply(dense, x)
  np.testing.assert_array_equal(module.apply(params, x), start)
  assert params["params"]["lora_a"].names == ("embed", "norm")
  assert params["params"]["lora_b"].names == ("norm", "mlp")
  b = jax.random.normal(jax.random.key(2), (2, 5))
  params["params"]["lora_b"] = params["params"]["lora_b"].replace_boxed(b)
  a = params["params"]["lora_a"].value
  np.testing.assert_allclose(
    module.apply(params, x), start + 6 / 2 * (x @ a) @ b, atol=1e-5
  )


def test_a_rank_of_zero_is_refused():
  with pytest.raises(ValueError, match="rank of LoRA"):
    layers.Lora(rank=0)
