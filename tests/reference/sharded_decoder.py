"""A pretrained decoder's arrangement as a generator of codes on any mesh."""

import functools
from typing import NamedTuple

import jax
import numpy as np
from flax import linen as nn

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import build_trie
from gr_jax.generators import placement
from gr_jax.generators.build import initializer
from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.extended import NewTokens
from gr_jax.generators.pretrained.text_to_codes import TextPrompt, TextToCodes
from gr_jax.objectives.next_token import code_losses
from gr_jax.parallel.mesh import put_batch, replicated
from tests.reference.noisy import noisy
from tests.reference.random_ids import random_ids
from tests.reference.sharded import B, step_of
from tests.reference.small_pretrained import LLAMA, QWEN

SIZES = (4, 3, 5)
FIRST = 30
ARRANGEMENTS = {"qwen": QWEN, "llama": LLAMA}


class Texts(NamedTuple):
  """Prompts and the codes of two branches each."""

  prompt: TextPrompt
  queries: np.ndarray
  codes: np.ndarray


@functools.cache
def generator(name):
  new = NewTokens(FIRST, sum(SIZES))
  return TextToCodes(make_decoder(ARRANGEMENTS[name], new=new), SIZES)


@functools.cache
def params(name):
  init = initializer(generator(name), {})
  made = nn.unbox(jax.jit(init)(jax.random.key(0)))
  return jax.device_get(noisy(made))


def texts(branches=2):
  """Texts of words and codes, padded anywhere, and targets."""
  rng = np.random.default_rng(0)
  rows = (B, branches)
  mask = rng.random((B, 5)) < 0.7
  mask[:, 2] = True
  tokens = rng.integers(0, FIRST + sum(SIZES), mask.shape, np.int32)
  queries = rng.integers(0, FIRST, (*rows, 3), np.int32)
  there = rng.random(queries.shape) < 0.6
  return Texts(
    TextPrompt(np.where(mask, tokens, -1)),
    np.where(there, queries, -1),
    rng.integers(0, SIZES, (*rows, 3), np.int32),
  )


def training(name, mesh):
  """A step, and what goes into it, on a mesh."""

  def loss(params, batch, *, key):
    del key
    logits = generator(name).code_logits(params, *batch)
    losses = code_losses(
      logits, batch.codes, where=np.ones(batch.codes.shape[:2], bool)
    )
    return losses.sum(), {"train/loss": losses.sum()}

  init = initializer(generator(name), {})
  return step_of(loss, init, params(name), texts(), mesh)


def search(name, mesh):
  """A search, and what goes into it, on a mesh."""
  ids = random_ids(np.random.default_rng(0), SIZES, 20, has_ends=False)
  shardings = placement.search_shardings(generator(name), params(name), mesh)
  variables = placement.place_for_search(params(name), mesh, shardings)
  trie = jax.device_put(build_trie(ids, SIZES), replicated(mesh))
  found = jax.jit(functools.partial(beam_search, generator(name), beam_size=6))
  prompt, queries, _ = texts(branches=1)
  return found, (variables, put_batch((prompt, queries[:, 0]), mesh), trie)
