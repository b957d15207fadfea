"""The codes after the first: every layer for every beam, or the late ones.

What LazyAR (GR4AD, arXiv 2602.22732) saves is in the steps after the prompt was
read, so these alone are timed, with the search of the catalogue around them.
Of L = 9 layers K = 6 are early: `L (1 + (T - 1) B)` evaluations of a layer
become `K T + (L - K)(1 + (T - 1) B)`, 2.9 times fewer with 50 beams or more.
"""

import functools

import jax

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import build_trie
from gr_jax.generators.lazy_ar import LazyAR
from gr_jax.nn.precision import dot_general
from tools.benchmarks.contender import Bar, Contender, Run, Section
from tools.benchmarks.generator import Sizes, init_params

SIZES = Sizes(4000, batch=8, layers=9)
EARLY = 6


class Prefilled:
  """A `Generator` whose prompts were read: they are what `prefill` gave."""

  def __init__(self, model: LazyAR):
    self._model = model

  def prefill(self, variables, prompt):
    del variables
    return prompt

  def decode_step(self, variables, codes, parents, cache, *, level):
    return self._model.decode_step(
      variables, codes, parents, cache, level=level
    )


def section(
  *, units: int = 3, sizes: Sizes = SIZES, beams=(50, 128)
) -> Section:
  """The decoder that waits for every code is the same network with K = 0."""
  contenders = tuple(
    Contender(
      f"{name}, beam {beam}",
      "tools.benchmarks.lazy_ar:make",
      {"sizes": sizes, "dtype": "float32", "beam": beam, "early": early},
      units=units,
      items=sizes.batch,
    )
    for beam in beams
    for name, early in (("LazyAR", EARLY), ("AR", 0))
  )
  bars = tuple(
    Bar(f"LazyAR, beam {beam} float32", f"AR, beam {beam} float32", 2.5)
    for beam in beams
  )
  title = (
    f"codes after the first, {sizes.title}, {EARLY} early, "
    f"{len(sizes.level_sizes)} levels, {sizes.ids:,} IDs"
  )
  return Section("lazy_ar", title, "batch", "requests", contenders, bars)


def make(*, units: int, sizes: Sizes, dtype: str, beam: int, early: int) -> Run:
  model = LazyAR(
    sizes.transformer,
    sizes.prompt_size,
    sizes.level_sizes,
    dot_general=dot_general(dtype),
    early_layers=early,
  )
  prompts = sizes.prompts()
  params = init_params(model, *prompts)
  trie = build_trie(sizes.catalogue(), sizes.level_sizes)
  read = jax.block_until_ready(jax.jit(model.prefill)(params, prompts))
  search = jax.jit(
    functools.partial(beam_search, Prefilled(model), beam_size=beam)
  )

  def run():
    for _ in range(units):
      jax.block_until_ready(search(params, read, trie))
    return {}

  return run
