"""A search reads all weights at every level."""

import dataclasses

import jax
import jax.numpy as jnp

from tests.reference.toy_device import SIZES
from tools.device import programs


def test_a_search_reads_all_weights_once_a_level():
  sizes = dataclasses.replace(SIZES, layers=3)
  passes = programs.search_passes(sizes, batch=2, beam=5)
  weights = programs.block_weights(sizes)
  assert [moved for _, moved in passes] == [2 * weights] * 2
  positions = [2 * (2 + sizes.history), 2 * 5]
  assert [flops for flops, _ in passes] == [2 * weights * n for n in positions]
  mesh = programs.first_device()
  shapes = programs.search_params(programs.decoder(sizes), mesh, jnp.bfloat16)
  kernels = [
    x.size
    for path, x in jax.tree.leaves_with_path(shapes)
    if path[-1].key == "kernel"
  ]
  assert sum(kernels) == weights
