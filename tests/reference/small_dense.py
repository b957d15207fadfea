"""A small dual encoder over the small world."""

import functools

import jax
import numpy as np
from flax import linen as nn

from gr_jax.data.requests import TRAIN
from gr_jax.dual_encoder.network import DualEncoder, DualEncoderConfig
from gr_jax.dual_encoder.pairs import PairWriter
from gr_jax.generators.training_examples.single import group_targets
from tests.reference.small_world import shop, writer

CONFIG = DualEncoderConfig(width=16, heads=2, head_size=8, feed_forward=24)
WIDTH, R = 12, 5


@functools.cache
def built():
  model = DualEncoder(CONFIG, writer()._vocabulary.size, 3)
  rng = np.random.default_rng(0)
  prompt = writer().prompts(np.arange(100, 100 + R), shown=np.ones(R, bool))
  words = writer().queries(np.array([0, -1, 3, 2, 1]))
  vectors = rng.normal(size=(R, WIDTH)).astype(np.float32)
  inputs = prompt, words, vectors, vectors
  params = nn.unbox(jax.jit(model.init)(jax.random.key(0), *inputs))
  return model, params, inputs


@functools.cache
def pair_writer(hidden_share=0.5):
  requests = shop().requests
  negatives = np.arange(2 * len(requests.queries)).reshape(-1, 2) % 60
  pairs = group_targets(requests, split=TRAIN)
  return PairWriter(
    requests, pairs, writer(), negatives.astype(np.int32), hidden_share
  )
