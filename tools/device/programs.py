"""The programs that are measured: a training step, a prefill and a search.

Each is lowered from shapes alone, for the devices of a mesh: what is compiled
here for a device that is there, `tools/compile_ahead.py` can compile for one
that is not, so that prediction and measurement are of one program.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import Trie, trie_arrays
from gr_jax.generators.build import initializer
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.objectives.next_token import code_losses
from gr_jax.parallel.mesh import (
  MeshConfig,
  batch_sharding,
  make_mesh,
  replicated,
)
from gr_jax.training.loop import make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import TrainState, abstract_state
from gr_jax.training.throughput import dense_flops
from tools.benchmarks.generator import Sizes
from tools.device.chips import chip_of, least_seconds
from tools.device.figure import Figure

_OPTIMIZER = make_optimizer(OptimizerConfig(), 1000)


def first_device() -> Mesh:
  """A mesh of one device: figures are those of one chip."""
  return make_mesh(MeshConfig(), jax.local_devices()[:1])


def decoder(
  sizes: Sizes, precision: str = "bfloat16", *, remat: str = "none"
) -> DecoderOnly:
  """The decoder, one block a turn of the scan: it compiles soonest."""
  model = sizes.model(precision)
  config = dataclasses.replace(model.config, unroll=1, remat=remat)
  return model.clone(config=config)


def training_batch(sizes: Sizes, rows: int) -> tuple:
  """Prompts, queries `[B, 1, 8]` and codes `[B, 1, L]`, all random."""
  prompt, queries = dataclasses.replace(sizes, batch=rows).prompts()
  rng = np.random.default_rng(3)
  codes = [rng.integers(C, size=(rows, 1)) for C in sizes.level_sizes]
  return prompt, queries[:, None], np.stack(codes, -1).astype(np.int32)


def positions(sizes: Sizes) -> int:
  """The positions of a training row: profile, items, query and codes."""
  return 1 + sizes.history + len(sizes.level_sizes)


def training_loss(model: DecoderOnly, params, batch, *, key):
  """Cross-entropy of the codes of one target a row."""
  del key
  prompt, queries, codes = batch
  logits = model.apply(params, prompt, queries, codes)
  there = jnp.ones(codes.shape[:2], bool)
  value = code_losses(logits, codes, where=there).sum()
  return value, {"train/loss": value}


def training_step(model: DecoderOnly, batch: Any, mesh: Mesh):
  """The library's training step, lowered, and the shapes of its state."""
  state = abstract_state(initializer(model, {}), _OPTIMIZER, mesh=mesh)
  step = make_step(
    functools.partial(training_loss, model), _OPTIMIZER, like=state
  )
  return step.lower(state, shapes_of(batch, batch_sharding(mesh))), state


def random_state(shapes: TrainState, seed: int = 0) -> TrainState:
  """A state whose parameters are normal numbers, made on the device.

  Not those of the initializer, which sets some kernels to zero: products of
  zeros can run faster than others.
  """
  params = random_params(shapes.params, seed=seed)
  rest = jax.jit(
    lambda params: (jnp.zeros((), jnp.int32), _OPTIMIZER.init(params)),
    out_shardings=jax.tree.map(
      lambda x: x.sharding, (shapes.step, shapes.opt_state)
    ),
  )(params)
  return TrainState(rest[0], params, rest[1])


def random_params(shapes: Any, *, seed: int = 0) -> Any:
  """Normal numbers of these shapes; scales of norms are around 1."""
  leaves, tree = jax.tree.flatten_with_path(shapes)

  def make():
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    return jax.tree.unflatten(
      tree, [_random(*leaf, key) for leaf, key in zip(leaves, keys)]
    )

  where = jax.tree.map(lambda x: x.sharding, shapes)
  return jax.jit(make, out_shardings=where)()


def _random(path, leaf, key) -> jax.Array:
  name = getattr(path[-1], "key", None)
  spread = leaf.shape[-2] ** -0.5 if name == "kernel" else 0.1
  drawn = spread * jax.random.normal(key, leaf.shape, leaf.dtype)
  return drawn + jnp.asarray(name == "scale", leaf.dtype)


def search_params(
  model: DecoderOnly,
  mesh: Mesh,
  dtype: Any,
  *,
  layout: Callable[[Any], Any] = lambda params: params,
) -> Any:
  """Shapes of the parameters of a search.

  Args:
    model: the decoder.
    mesh: the devices.
    dtype: what they are kept as.
    layout: changes their tree, as `unstacked` does.
  """
  init = initializer(model, {})
  shapes = jax.eval_shape(lambda: layout(nn.unbox(init(jax.random.key(0)))))
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, dtype, sharding=replicated(mesh)),
    shapes,
  )


def prompts(sizes: Sizes, rows: int, *, seed: int = 1) -> tuple[Prompt, Any]:
  """Random prompts of `rows` requests, all positions of them seen."""
  batch = (rows, 1 + sizes.history)
  levels = len(sizes.level_sizes)
  prompt = Prompt(
    sizes.tokens(rows, 1, 2, seed=seed),
    sizes.tokens(rows, sizes.history, levels + 2, seed=seed + 1),
    np.ones(batch, bool),
  )
  return prompt, sizes.tokens(rows, 8, seed=seed + 2)


def catalogue(sizes: Sizes) -> Trie:
  """The trie of the sizes' IDs, on the host."""
  return trie_arrays(sizes.catalogue(), sizes.level_sizes)


def prefill(model: DecoderOnly, params: Any, prompt: Any, mesh: Mesh):
  """The prefill of a batch, lowered."""
  return jax.jit(model.prefill).lower(
    params, shapes_of(prompt, batch_sharding(mesh))
  )


def search(
  model: DecoderOnly,
  params: Any,
  prompt: Any,
  trie: Trie,
  mesh: Mesh,
  beam: int,
):
  """The whole search of a batch, lowered: one program, one dispatch."""
  run = functools.partial(beam_search, model, beam_size=beam)
  return jax.jit(run).lower(
    params,
    shapes_of(prompt, batch_sharding(mesh)),
    shapes_of(trie, replicated(mesh)),
  )


def shapes_of(tree: Any, sharding) -> Any:
  """Shapes and types of arrays, where `sharding` has them."""
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(np.shape(x), x.dtype, sharding=sharding),
    tree,
  )


def planned_bytes(compiled: Any) -> int:
  """Bytes that a program needs at its peak, as its compiler plans them.

  Arguments, results that take no argument's place, and working memory.
  """
  memory = compiled.memory_analysis()
  return int(
    memory.argument_size_in_bytes
    + memory.output_size_in_bytes
    - memory.alias_size_in_bytes
    + memory.temp_size_in_bytes
  )


def figures_of(
  name: str,
  *,
  seconds: float,
  compiled: Any,
  passes: Sequence[tuple[float, float]],
) -> Iterator[Figure]:
  """What `tools/compile_ahead.py` predicts of a program, as measured here.

  Args:
    name: the program.
    seconds: the median of a call.
    compiled: the program.
    passes: FLOPs and bytes of each of its passes over the weights.
  """
  yield Figure(name, "program_seconds", seconds)
  yield Figure(name, "program_bytes", planned_bytes(compiled))
  yield Figure(name, "program_flops", sum(flops for flops, _ in passes))
  if chip := chip_of(jax.local_devices()[0].device_kind):
    yield Figure(name, "program_least_seconds", least_seconds(passes, chip))


def search_passes(
  sizes: Sizes, *, batch: int, beam: int
) -> list[tuple[float, float]]:
  """A prefill of all positions, then one of all beams for each level.

  Dense products alone, and their bfloat16 weights.
  """
  weights = block_weights(sizes)
  read = 2 + sizes.history
  passes = [batch * read] + [batch * beam] * (len(sizes.level_sizes) - 1)
  return [(2 * weights * positions, 2 * weights) for positions in passes]


def training_passes(
  params: Any, sizes: Sizes, *, rows: int
) -> list[tuple[float, float]]:
  """The dense products, and AdamW: four arrays read and three written."""
  flops = dense_flops(params, rows * positions(sizes))
  return [(flops, 0), (0, 28 * sum(x.size for x in jax.tree.leaves(params)))]


def block_weights(sizes: Sizes) -> int:
  """The weights of the dense products of all blocks."""
  c = sizes.transformer
  block = 2 * (c.heads + c.kv_heads) * c.head_size * c.width
  return c.layers * (block + 3 * c.width * c.feed_forward)
