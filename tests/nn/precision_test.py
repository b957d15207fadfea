import jax.numpy as jnp
import pytest

from gr_jax.nn.precision import dot_general


def test_a_precision_names_a_product():
  x = jnp.full((2, 2), 3.0)
  for precision in ("float32", "bfloat16"):
    product = dot_general(precision)
    assert product(x, x, (((1,), (0,)), ((), ())))[0, 0] == 18
  with pytest.raises(ValueError, match="precision is 'int8'; use one of"):
    dot_general("int8")
