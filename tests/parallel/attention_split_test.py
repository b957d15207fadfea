import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.nn.attention import KeyValues
from gr_jax.nn.attention_mask import branch_mask
from gr_jax.nn.cudnn_attention import cudnn_attention
from gr_jax.parallel.attention_split import attend_on_mesh
from gr_jax.parallel.mesh import MeshConfig, make_mesh

FLOAT32 = jnp.dtype(jnp.float32)


def normal(*shape, seed=0):
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape), "float32")


@pytest.mark.parametrize(
  ("mesh", "rows", "part"),
  [
    # Rows, query heads and key heads of a device; one key head is repeated.
    ({"data": 2, "model": 4}, 4, (2, 1, 1)),
    ({"data": 2, "fsdp": 2, "model": 2}, 4, (1, 2, 1)),
    ({"expert": 4, "model": 2}, 3, (3, 2, 1)),
    ({"model": 8}, 4, (4, 4, 1)),
  ],
)
def test_every_device_has_its_rows_and_heads(mesh, rows, part):
  seen = []

  def attend(q, k, v, bias):
    seen.append((q.shape[0], q.shape[2], k.shape[2]))
    groups = q.shape[2] // k.shape[2]
    keys, values = (jnp.repeat(x, groups, axis=2) for x in (k, v))
    scores = jnp.einsum("bthd,bshd->bhts", q, keys) + bias
    return jnp.einsum("bhts,bshd->bthd", scores, values)

  q, k, v = normal(rows, 3, 4, 2), normal(rows, 5, 1, 2), normal(rows, 5, 1, 2)
  bias = normal(1, 4, 3, 5)
  alone = attend(q, k, v, bias)
  with jax.set_mesh(make_mesh(MeshConfig(**mesh))):
    found = jax.jit(functools.partial(attend_on_mesh, attend))(q, k, v, bias)
  np.testing.assert_allclose(found, alone, atol=1e-5)
  assert seen[-1] == part


def test_gradients_of_a_split_kernel_are_those_of_one_device():
  there = jnp.arange(9)[None] > jnp.array([[0], [1], [2], [3]])
  kernel = cudnn_attention(
    branch_mask(there, 2, 2), head_size=8, dtype=FLOAT32, implementation="xla"
  )

  def total(q, k, v):
    return (kernel.attend(q, KeyValues(k, v)) ** 2).sum()

  given = normal(4, 9, 4, 8), normal(4, 9, 2, 8), normal(4, 9, 2, 8)
  gradient = jax.grad(total, (0, 1, 2))
  alone = jax.jit(gradient)(*given)
  with jax.set_mesh(make_mesh(MeshConfig(data=2, model=4))):
    found = jax.jit(gradient)(*given)
  for ours, theirs in zip(found, alone):
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
