"""A wrong attention is found."""

import dataclasses

import jax
import jax.numpy as jnp

from gr_jax.nn.attention import attend
from tools.device import kernels
from tools.device.figure import Clock
from tools.device.forms import SMALL


def test_an_attention_that_is_wrong_in_its_gradients_alone_is_found():
  form = dataclasses.replace(SMALL, attention=(2, 6, 0, 0, 2, 1, 4))
  there = jnp.arange(6) >= jnp.array([[0], [2]])
  causal = jnp.tril(jnp.ones((1, 6, 6), bool)) & there[:, None]

  class Causal:
    def dense(self):
      return causal

  def right(queries, cached):
    out = attend(queries, cached, causal)
    # What nobody reads may be anything.
    return jnp.where(there[..., None], out, 7.0)

  @jax.custom_vjp
  def doubled(x):
    return x

  doubled.defvjp(lambda x: (x, None), lambda _, g: (2 * g,))

  def wrong(queries, cached):
    return doubled(right(queries, cached))

  for kernel, equal in ((right, True), (wrong, False)):
    found = {
      figure.metric: figure.value
      for figure in kernels.compared(
        "kernel", there, Causal(), kernel, form, Clock(60)
      )
    }
    assert found["equal"] is equal
    assert found["gap of values"] < 1e-5
    assert (found["gap of gradient of k"] < 1e-5) is equal
