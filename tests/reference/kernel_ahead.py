"""Compiles attention for devices that are not here; prints what is called.

A process of its own: compilers of accelerators end one whose `XLA_FLAGS` they
do not know, as those that the tests are compiled with.
"""

import re
import sys

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from gr_jax.nn.attention import KeyValues
from gr_jax.nn.attention_choice import SHORTEST, choose_attention
from gr_jax.nn.attention_mask import branch_mask
from gr_jax.nn.precision import dot_general
from gr_jax.parallel.mesh import MeshConfig
from tools.ahead import targets

# One more than whole blocks have.
LENGTH = max(SHORTEST.values()) + 1


def attended(q: jax.Array) -> jax.Array:
  """A sum that depends on attention to a prompt and branches."""
  mask = branch_mask(jnp.ones(q.shape[:2], bool), 4, 5)
  place = choose_attention(
    mask, "auto", head_size=q.shape[-1], dot_general=dot_general("bfloat16")
  )
  assert not isinstance(place, jax.Array)
  return place.attend(q, KeyValues(q, q)).sum()


if __name__ == "__main__":
  target = targets.target(sys.argv[1])
  mesh = target.mesh(MeshConfig())
  q = jax.ShapeDtypeStruct(
    (4, LENGTH, 2, 64),
    jnp.float32,
    sharding=NamedSharding(mesh, PartitionSpec()),
  )
  with jax.set_mesh(mesh):
    lowered = jax.jit(jax.grad(attended)).lower(q)
  text = lowered.compile(target.options).as_text()
  print(*re.findall(r'custom_call_target="([^"]*)"', text))
