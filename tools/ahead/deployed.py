"""The programs of the deployment: its search, and its products in few bits.

The search is that of `tools/check_device.py` under the same name: parameters in
bfloat16, the layers in one stack, as deep networks are served. The library has
no layers in few bits: for FP8 and NVFP4 all products of the blocks are
compiled, one block a turn of a scan, which shows whether a compiler has a
kernel for them. Weights are arguments; activations are rounded on the way in,
with a scale for every 16 numbers of NVFP4.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import trie_arrays
from gr_jax.generators.build import initializer
from gr_jax.parallel.mesh import replicated
from gr_jax.retrieval import compiled_search
from tools.ahead.deployment import BEAMS, SIZES, block_weights
from tools.ahead.program import Program
from tools.benchmarks.generator import Sizes

NAME = "deployment"
TARGETS = ("rtx5090", "h200")
MEASURED = (
  "search, beam 50, batch 1", "search, beam 50, batch 8", "prefill, batch 8",
)  # fmt: skip
"""Programs that `tools/check_device.py` measures under the same names."""
_OPTIONS = compiled_search.OPTIONS["gpu"]
_GROUP = 16
# Prompts of one request, and the beams of a step.
_POSITIONS = (2 + SIZES.history, BEAMS[0])


def names(target: str) -> tuple[str, ...]:
  """The programs of the deployment; those that a card has products for."""
  if target not in TARGETS:
    return ()
  searches = [f"search, beam {beam}, batch 1" for beam in BEAMS]
  formats = ["FP8", "W4A16"] + ["W4A4"] * (target == "rtx5090")
  products = [
    f"products, {name}, {count} positions"
    for name in formats
    for count in _POSITIONS
  ]
  return (*searches, *MEASURED[1:], *products)


def program(name: str, mesh: Mesh, shapes, trie) -> Program:
  """A program of `names`.

  Args:
    name: its name.
    mesh: the card.
    shapes: the shapes of the decoder's parameters, made by `parameters`.
    trie: the catalogue, made by `catalogue`.
  """
  kind, *rest = name.split(", ")
  if kind == "products":
    return _products(rest[0], int(rest[1].split()[0]), mesh)
  batch = int(rest[-1].split()[1])
  model, place = _model(), replicated(mesh)

  def placed(tree, dtype=None):
    return jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(
        np.shape(x), dtype or x.dtype, sharding=place
      ),
      tree,
    )

  prompt = placed(dataclasses.replace(SIZES, batch=batch).prompts())
  params = placed(shapes, jnp.bfloat16)
  flops, positions = 2.0 * block_weights(), batch * (2 + SIZES.history)
  if kind == "prefill":

    def prefill(params, prompt):
      return model.prefill(params, prompt)

    traced = jax.jit(prefill).trace(params, prompt)
    return Program(traced, batch, "requests", flops * positions, _OPTIONS)
  beam = int(rest[0].split()[1])

  def run(params, prompt, trie):
    return beam_search(model, params, prompt, trie, beam_size=beam)

  traced = jax.jit(run).trace(params, prompt, placed(trie))
  positions += batch * beam * (len(SIZES.level_sizes) - 1)
  return Program(traced, batch, "requests", flops * positions, _OPTIONS)


def parameters():
  """Shapes of the decoder's parameters."""
  init = initializer(_model(), {})
  return jax.eval_shape(lambda: nn.unbox(init(jax.random.key(0))))


def catalogue():
  """The trie of a million IDs."""
  return trie_arrays(SIZES.catalogue(), SIZES.level_sizes)


def _model():
  model = SIZES.model("bfloat16")
  return model.clone(config=dataclasses.replace(model.config, unroll=1))


def _widths(sizes: Sizes) -> tuple[tuple[int, int], ...]:
  """Inputs and outputs of a block's products."""
  heads = sizes.heads + 2 * sizes.kv_heads
  return (
    (sizes.width, heads * sizes.head_size),
    (sizes.heads * sizes.head_size, sizes.width),
    (sizes.width, 2 * sizes.feed_forward),
    (sizes.feed_forward, sizes.width),
  )


def _products(format_: str, positions: int, mesh: Mesh) -> Program:
  multiply, weights = {
    "FP8": (_fp8, _fp8_weights),
    "W4A16": (_unpacked, _nvfp4_weights),
    "W4A4": (_nvfp4, _nvfp4_weights),
  }[format_]
  place = replicated(mesh)

  def shaped(shape, dtype):
    return jax.ShapeDtypeStruct(shape, dtype, sharding=place)

  def run(x, blocks):
    def block(x, block):
      # Gate and up are one product, of which one half goes on.
      widths = [width for width, _ in _widths(SIZES)]
      for width, weights in zip(widths, block):
        x = multiply(x[:, :width], weights).astype(jnp.bfloat16)
      return x, None

    return jax.lax.scan(block, x, blocks)[0]

  blocks = [
    weights(SIZES.layers, *each, shaped=shaped) for each in _widths(SIZES)
  ]
  x = shaped((positions, SIZES.width), jnp.bfloat16)
  traced = jax.jit(run).trace(x, blocks)
  flops = 2.0 * block_weights() * positions
  return Program(traced, positions, "positions", flops)


def _fp8_weights(layers, width, features, *, shaped):
  return (
    shaped((layers, width, features), jnp.float8_e4m3fn),
    shaped((layers, features), jnp.float32),
  )


def _fp8(x, weights):
  values, scales = weights
  dims = (((1,), (0,)), ((), ()))
  product = jax.lax.dot_general(
    x.astype(jnp.float8_e4m3fn),
    values,
    dims,
    preferred_element_type=jnp.float32,
  )
  return product * scales


def _nvfp4_weights(layers, width, features, *, shaped):
  return (
    shaped((layers, features, width), jnp.float4_e2m1fn),
    shaped((layers, features, width // _GROUP), jnp.float8_e4m3fn),
  )


def _grouped(x):
  """`[T, D / 16, 16]` numbers of at most 6, and their scales."""
  groups = x.reshape(x.shape[0], -1, _GROUP).astype(jnp.float32)
  scales = jnp.abs(groups).max(axis=-1) / 6
  return groups / jnp.maximum(scales, 1e-12)[..., None], scales


def _nvfp4(x, weights):
  values, scales = weights
  groups, of_x = _grouped(x)
  product = jax.nn.scaled_matmul(
    groups.astype(jnp.float4_e2m1fn).reshape(1, *x.shape),
    values[None],
    of_x.astype(jnp.float8_e4m3fn)[None],
    scales[None],
    preferred_element_type=jnp.float32,
  )
  return product[0]


def _unpacked(x, weights):
  values, scales = weights
  features, width = values.shape
  groups = values.astype(jnp.bfloat16).reshape(features, -1, _GROUP)
  full = (groups * scales.astype(jnp.bfloat16)[..., None]).reshape(
    features, width
  )
  dims = (((1,), (1,)), ((), ()))
  return jax.lax.dot_general(x, full, dims, preferred_element_type=jnp.float32)
