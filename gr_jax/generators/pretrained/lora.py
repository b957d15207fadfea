"""What is trained of a pretrained decoder: a change of low rank, or everything.

With LoRA (Hu et al. 2021, arXiv 2106.09685) the projections get a change of low
rank (`nn.layers.Lora`), and the rows of new tokens are trained whole: nothing
else would ever move them. q, k and v share one `A`, since they are one product
here [OURS].
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from gr_jax.generators.pretrained.weights import flatten, unflatten
from gr_jax.nn.layers import Lora

TRAINED = ("lora_a", "lora_b", "new_embedding", "new_head")
"""The parameters that move under LoRA."""


def add_lora(params: dict, key: jax.Array, lora: Lora) -> dict:
  """The parameters of a decoder with LoRA on every product of its blocks.

  `A ~ N(0, 1 / D)`, `B = 0`: the model computes what it did.

  Args:
    params: those of a decoder without.
    key: draws `A`.
    lora: as the decoder has it in its `TransformerConfig`.
  """
  flat = flatten(params)
  kernels = [
    path
    for path in sorted(flat)
    if "blocks" in path and path[-2:] == ("dense", "kernel")
  ]
  added = {}
  for path, one in zip(kernels, jax.random.split(key, len(kernels))):
    layers, width, features = flat[path].shape
    a = jax.random.normal(one, (layers, width, lora.rank)) * width**-0.5
    added[*path[:-2], "lora_a"] = a
    added[*path[:-2], "lora_b"] = jnp.zeros((layers, lora.rank, features))
  return unflatten(flat | added)


def merge_lora(params: dict, lora: Lora) -> dict:
  """The parameters of a decoder without LoRA that computes the same.

  `W + (α / r) A B`; `export` does this layer by layer.
  """
  flat = flatten(params)
  merged = {}
  for path, value in flat.items():
    above = path[:-2]
    if path[-2:] == ("dense", "kernel") and (*above, "lora_a") in flat:
      value = merged_kernel(
        value, flat[*above, "lora_a"], flat[*above, "lora_b"], lora
      )
    if path[-1] not in ("lora_a", "lora_b"):
      merged[path] = value
  return unflatten(merged)


def merged_kernel(
  kernel: jax.Array, a: jax.Array, b: jax.Array, lora: Lora
) -> jax.Array:
  """`W + (α / r) A B`, of one layer or of all; the sum in float32."""
  change = jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
  return (kernel + lora.scale * change).astype(kernel.dtype)


def lora_mask(params: dict) -> dict:
  """True for each parameter that moves under LoRA, new rows included."""
  return unflatten({path: path[-1] in TRAINED for path in flatten(params)})


def train_only(
  optimizer: optax.GradientTransformation, mask: dict
) -> optax.GradientTransformation:
  """The optimizer on what a mask says True for; the rest stands still.

  What stands still has no moments, and its gradient counts in no norm.
  """
  labels = jax.tree.map(lambda moves: "moves" if moves else "stays", mask)
  return optax.partition(
    {"moves": optimizer, "stays": optax.set_to_zero()}, labels
  )


def split_params(params: dict, mask: dict) -> tuple[dict, Callable]:
  """What is trained, and a function that puts it back.

  A gradient with respect to the first costs no gradient of what stands still:

    trained, joined = split_params(params, mask)
    jax.grad(lambda trained: loss(joined(trained)))(trained)

  Returns:
    A flat dictionary of the trained parameters, and the function from such a
    one to all parameters.
  """
  flat = flatten(params)
  moves = flatten(mask)
  trained = {path: value for path, value in flat.items() if moves[path]}

  def joined(trained: dict) -> dict:
    return unflatten(flat | trained)

  return trained, joined
