"""A `LazyAR` of three layers, its parameters, and four requests."""

import functools

import jax
import numpy as np
from flax import linen as nn

from gr_jax.generators.lazy_ar import LazyAR
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.prompts.prompt_encoder import SumItems
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy
from tests.reference.small_world import semantic_ids, shop, writer

CONFIG = TransformerConfig(
  layers=3, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=24
)
ROWS = np.arange(100, 104)
SUMMED = SumItems()
MEANS = np.array([1.0, 2.0, 4.0], np.float32)


@functools.partial(
  jax.jit, static_argnums=0, static_argnames=("level", "method")
)
def apply(model, params, *inputs, **options):
  return model.apply(params, *inputs, **options)


@functools.cache
def inputs():
  prompt = writer().prompts(ROWS, shown=np.ones(4, bool))
  queries = writer().queries(np.array([[0, -1, 3]] * 4))
  rng = np.random.default_rng(0)
  sizes = semantic_ids().level_sizes
  codes = np.stack([rng.integers(0, c, (4, 3)) for c in sizes], axis=-1)
  return prompt, queries, codes.astype(np.int32)


@functools.cache
def built(early=2, buckets=3, prompt_encoder=SUMMED, counted=False):
  model = LazyAR(
    CONFIG,
    writer()._vocabulary.prompt_size,
    semantic_ids().level_sizes,
    prompt_encoder=prompt_encoder,
    early_layers=early,
    value_buckets=buckets,
  )
  variables = {}
  if counted:
    popularity = shop().catalogue.popularity
    counts = count_catalogue(semantic_ids(), popularity, alpha=0.5)
    variables = {"counts": {"catalogue": counts}}
  init = functools.partial(model.apply, variables, mutable=["params"])
  _, params = jax.jit(lambda key: init(*inputs(), rngs={"params": key}))(
    jax.random.key(0)
  )
  return model, noisy(nn.unbox(params)) | variables
