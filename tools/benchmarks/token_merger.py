"""Reading a prompt with merged tokens, and with one position per code."""

import jax
import numpy as np
from flax import linen as nn

from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.prompts.flatten_items import FlattenItems
from gr_jax.generators.prompts.merge_items import MergeItems
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.precision import dot_general
from gr_jax.nn.transformer import TransformerConfig
from tools.benchmarks.contender import (
  LIBRARY_START,
  Bar,
  Contender,
  Run,
  Section,
)

SIZES = {
  "batch": 8,
  "history": 64,
  "level_sizes": [256, 256, 256],
  "prompt_size": 4000,
  "layers": 4,
  "width": 256,
  "heads": 4,
  "kv_heads": 2,
  "feed_forward": 704,
}


def section(*, units: int = 5, sizes=SIZES) -> Section:
  """GenRec's claim: half the positions, x0.6 of the time or better."""
  contenders = [
    Contender(
      name,
      f"tools.benchmarks.token_merger:make_{name}",
      sizes | {"dtype": dtype},
      dtype=dtype,
      batch=sizes["batch"],
      units=units,
      items=sizes["batch"],
      setup=LIBRARY_START,
    )
    for dtype in ("bfloat16", "float32")
    for name in ("merged", "tokens")
  ]
  bars = tuple(
    Bar(
      f"merged {dtype} {sizes['batch']}",
      f"tokens {dtype} {sizes['batch']}",
      1 / 0.6,
    )
    for dtype in ("bfloat16", "float32")
  )
  title = (
    f"prefill of {sizes['history']} items, {len(sizes['level_sizes'])} codes "
    f"each, {sizes['layers']} layers of {sizes['width']}"
  )
  return Section(
    "token_merger", title, "batch", "prompts", tuple(contenders), bars
  )


def make_merged(*, dtype, **options) -> Run:
  return _make(MergeItems(dot_general(dtype)), dtype, **options)


def make_tokens(*, dtype, **options) -> Run:
  return _make(FlattenItems(), dtype, **options)


def _make(
  prompt_encoder,
  dtype,
  *,
  units,
  batch,
  history,
  level_sizes,
  prompt_size,
  layers,
  width,
  heads,
  kv_heads,
  feed_forward,
) -> Run:
  sizes = tuple(level_sizes)
  config = TransformerConfig(
    layers=layers,
    width=width,
    heads=heads,
    kv_heads=kv_heads,
    head_size=width // heads,
    feed_forward=feed_forward,
  )
  model = DecoderOnly(
    config,
    prompt_size,
    sizes,
    dot_general=dot_general(dtype),
    prompt_encoder=prompt_encoder,
  )
  rng = np.random.default_rng(0)
  starts = prompt_size + np.cumsum((0, *sizes[:-1]))
  codes = [
    first + rng.integers(size, size=(batch, history))
    for first, size in zip(starts, sizes)
  ]
  features = rng.integers(prompt_size, size=(2, batch, history))
  prompt = Prompt(
    profile=rng.integers(prompt_size, size=(batch, 1, 2)),
    history=np.stack((*codes, *features), axis=-1).astype(np.int32),
    mask=np.ones((batch, 1 + history), bool),
  )
  queries = rng.integers(prompt_size, size=(batch, 8))
  inputs = (prompt, queries[:, None], np.zeros((batch, 1, len(sizes)), int))
  params = nn.unbox(jax.jit(model.init)(jax.random.key(0), *inputs))
  prefill = jax.jit(model.prefill)
  positions = prompt_encoder.length(items=history, levels=len(sizes))

  def run():
    for _ in range(units):
      jax.block_until_ready(prefill(params, (prompt, queries)))
    return {"positions": positions}

  return run
