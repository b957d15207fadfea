"""The programs of a search: its prompts, its last step, and the whole.

Parameters lie as searches of the library have them: on a single GPU in
`search_layout`, on a mesh as they are.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh

from gr_jax.decoding.beam_search import beam_search
from gr_jax.nn.attention_choice import current_platform
from gr_jax.parallel.mesh import (
  SEARCH_RULES,
  batch_parts,
  batch_sharding,
  replicated,
)
from gr_jax.retrieval.compiled_search import OPTIONS
from gr_jax.retrieval.search_layout import search_layout
from tools.ahead.program import (
  Program,
  fixed,
  forward_flops,
  placed,
  prompt_length,
  query_length,
  shapes,
)
from tools.ahead.shop import Parts


@dataclasses.dataclass(frozen=True)
class Sizes:
  """What a search is compiled for.

  Attributes:
    requests: the requests a device.
    beam: the beams a request.
  """

  requests: int = 32
  beam: int = 50


def _searched(given: Parts, mesh: Mesh, sizes: Sizes):
  """Variables, prompts and trie of a search."""
  count = sizes.requests * batch_parts(mesh)
  rows = np.zeros(count, np.int64)
  writer = given.untrained.writer
  prompt = writer.prompts(rows, shown=np.ones(count, bool))
  queries = writer.queries(np.full(count, -1))
  whole = replicated(mesh)
  return (
    _parameters(given, mesh) | fixed(given, mesh, SEARCH_RULES),
    shapes((prompt, queries), batch_sharding(mesh)),
    shapes(given.trie, whole),
  )


def _parameters(given: Parts, mesh: Mesh):
  if mesh.size > 1:
    return placed(given.params, mesh, SEARCH_RULES)
  layout = functools.partial(
    search_layout, given.untrained.model, platform=current_platform()
  )
  return shapes(
    jax.eval_shape(layout, nn.unbox(given.params)), replicated(mesh)
  )


def _prompt_length(given: Parts) -> int:
  """The positions before the first code, those of a query's text with them."""
  return prompt_length(given) + query_length(given)


def _options():
  """Those that searches are compiled with."""
  return OPTIONS.get(current_platform(), {})


def prefill(given: Parts, mesh: Mesh, sizes: Sizes) -> Program:
  """The prompts of a search."""
  variables, prompt, _ = _searched(given, mesh, sizes)
  count = len(prompt[1])
  traced = jax.jit(given.untrained.model.prefill).trace(variables, prompt)
  flops = forward_flops(given, count * _prompt_length(given))
  return Program(traced, count, "requests", flops, _options())


def decode(given: Parts, mesh: Mesh, sizes: Sizes) -> Program:
  """The last step of a search: one code more of every beam.

  The cache then holds all codes but the last two.
  """
  variables, prompt, _ = _searched(given, mesh, sizes)
  model, levels = given.untrained.model, len(given.ids.level_sizes)
  count = len(prompt[1])
  codes = jax.ShapeDtypeStruct(
    (count, sizes.beam), jnp.int32, sharding=batch_sharding(mesh)
  )
  _, cache = jax.eval_shape(model.prefill, variables, prompt)
  for level in range(1, levels - 1):
    step = functools.partial(model.decode_step, level=level)
    _, cache = jax.eval_shape(step, variables, codes, codes, cache)
  cache = jax.tree.map(lambda x: _of_requests(x, count, mesh), cache)
  last = functools.partial(model.decode_step, level=max(levels - 1, 1))
  traced = jax.jit(last).trace(variables, codes, codes, cache)
  flops = forward_flops(given, count * sizes.beam)
  return Program(traced, count, "requests", flops, _options())


def search(given: Parts, mesh: Mesh, sizes: Sizes) -> Program:
  """A whole search."""
  inputs = _searched(given, mesh, sizes)
  count, levels = len(inputs[1][1]), len(given.ids.level_sizes)
  run = jax.jit(
    functools.partial(beam_search, given.untrained.model),
    static_argnames="beam_size",
  )
  traced = run.trace(*inputs, beam_size=sizes.beam)
  positions = _prompt_length(given) + sizes.beam * (levels - 1)
  flops = forward_flops(given, count * positions)
  return Program(traced, count, "requests", flops, _options())


def _of_requests(x, count: int, mesh: Mesh):
  """The shape of a cached array, split along the requests, wherever they are.

  Raises:
    ValueError: no axis is that of the requests.
  """
  if count not in x.shape:
    raise ValueError(f"no axis of {x.shape} is that of {count} requests.")
  spec = [None] * x.shape.index(count) + [batch_sharding(mesh).spec[0]]
  place = jax.NamedSharding(mesh, jax.P(*spec))
  return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place)
