"""Changes of low rank, apart from the model that they change.

`layers.Linear` computes `y = x W + (α / r) (x A) B` (Hu et al. 2021, arXiv
2106.09685) where its `Lora` has its path among the targets. Here stands what is
done with the two parts of the parameters:

  adapter, base = split_lora(params)
  jax.grad(lambda adapter: loss(join_lora(adapter, base)))(adapter)

No gradient is taken of the base, no optimizer has moments of it, and a policy
with an old and a reference copy has three adapters over one base.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.nn.flat_tree import Path, flatten, partition, unflatten, union
from gr_jax.nn.layers import Lora

ADAPTER = ("lora_a", "lora_b")
"""The names of the parameters of a change."""

FROZEN = "frozen"
"""The collection of what stands still, beside the "params" that are trained."""

# The parts of our networks that can have changes: stacks of blocks, the last
# block of MM-DiT, and the layer that modulates all blocks of SANA.
_PARTS = frozenset(("blocks", "double", "single", "last", "modulation"))


def add_lora(params: Mapping[str, Any], key: jax.Array, lora: Lora) -> dict:
  """The parameters of a network with LoRA on the products that it targets.

  `A ~ N(0, 1 / D)`, `B = 0`: the network computes what it did.

  Args:
    params: the parameters of a network without it.
    key: draws `A`.
    lora: as the network has it in its config.

  Raises:
    ValueError: no product is targeted.
  """
  flat = flatten(params)
  kernels = [
    path
    for path in sorted(flat)
    if path[-2:] == ("dense", "kernel")
    and _PARTS & set(path)
    and lora.reaches(_layer(path))
  ]
  if not kernels:
    raise ValueError(
      f"LoRA's targets {', '.join(lora.targets)} are the path of no layer in a "
      "block."
    )
  added = {}
  for path, one in zip(kernels, jax.random.split(key, len(kernels))):
    *lead, width, features = flat[path].shape
    a = jax.random.normal(one, (*lead, width, lora.rank)) * width**-0.5
    added[*path[:-2], "lora_a"] = a
    added[*path[:-2], "lora_b"] = jnp.zeros((*lead, lora.rank, features))
  return unflatten(flat | added)


def _layer(kernel: Path) -> Path:
  """The path of a layer as the layer knows it."""
  return kernel[kernel[0] == "params" : -2]


def split_lora(params: Mapping[str, Any]) -> tuple[dict, dict]:
  """The adapter, and the base that it changes."""
  return partition(params, lambda path: path[-1] in ADAPTER)


def join_lora(adapter: Mapping[str, Any], base: Mapping[str, Any]) -> dict:
  """The parameters that `split_lora` took apart.

  Raises:
    ValueError: a parameter is in both.
  """
  return union(adapter, base)


def in_one(variables: Mapping[str, Any]) -> dict[str, Any]:
  """`{"params": all}` of `{"params": trained, "frozen": the others}`."""
  frozen = variables.get(FROZEN, {})
  return {"params": union(frozen, variables.get("params", {}))}


def merge_lora(params: Mapping[str, Any], lora: Lora) -> dict:
  """The parameters of a network without LoRA that computes the same.

  `W + (α / r) A B`. A rollout in few bits quantizes these.
  """
  flat = flatten(params)
  merged = {}
  for path, value in flat.items():
    above = path[:-2]
    if path[-2:] == ("dense", "kernel") and (*above, "lora_a") in flat:
      value = merged_kernel(
        value, flat[*above, "lora_a"], flat[*above, "lora_b"], lora
      )
    if path[-1] not in ADAPTER:
      merged[path] = value
  return unflatten(merged)


def merged_kernel(
  kernel: jax.Array, a: jax.Array, b: jax.Array, lora: Lora
) -> jax.Array:
  """`W + (α / r) A B`, of one layer or of all; the sum in float32."""
  change = jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
  return (kernel + lora.scale * change).astype(kernel.dtype)
