"""Decoder training on plain sequences: the library's own side.

A generator of the library reads prompts and branches; what the peers train is
a causal language model. Here the library's blocks are put between a tied
embedding and head, so that both sides have the same parameters and the same
targets. `make_packed` is the library's own step, which no peer has.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from experiments.pipeline.tasks import point_wise_loss
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.generators.training_examples.single import Examples
from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.precision import dot_general
from gr_jax.nn.transformer import Transformer, TransformerConfig
from gr_jax.objectives.next_token import cross_entropy
from gr_jax.parallel.mesh import MeshConfig, make_mesh, put_batch
from gr_jax.training.loop import make_step
from gr_jax.training.state import create_state
from tools.benchmarks.contender import (
  LIBRARY_START,
  Bar,
  Contender,
  Run,
  Section,
)

SIZES = {
  "batch": 64,
  "length": 64,
  "vocabulary": 1100,
  "layers": 4,
  "width": 256,
  "heads": 4,
  "feed_forward": 1024,
}
PACKED = {
  "batch": 64,
  "history": 64,
  "targets": 8,
  "level_sizes": [256, 256, 256],
  "prompt_size": 3000,
  "layers": 4,
  "width": 256,
  "heads": 4,
  "feed_forward": 704,
}
_DTYPES = ("bfloat16", "float32")


def section(*, units: int = 2, sizes=SIZES, packed=PACKED) -> Section:
  """Ours and `transformers`' Qwen2, in both types, and our packed step."""
  ours, peer = "tools.benchmarks.decoder", "tools.benchmarks.qwen2"
  shared = {
    "batch": sizes["batch"],
    "units": units,
    "items": sizes["batch"] * sizes["length"],
  }
  needs = ("torch", "transformers")
  positions = 1 + packed["history"]
  positions += packed["targets"] * len(packed["level_sizes"])
  own = {"items": packed["batch"] * positions, "setup": LIBRARY_START}
  contenders = [
    Contender(
      name, make, options | {"dtype": dtype}, dtype=dtype, **shared | more
    )
    for name, make, options, dtypes, more in (
      ("gr_jax", f"{ours}:make", sizes, _DTYPES, {"setup": LIBRARY_START}),
      ("gr_jax packed", f"{ours}:make_packed", packed, _DTYPES, own),
      (
        "qwen2",
        f"{peer}:make_training",
        sizes,
        _DTYPES[::-1],
        {"needs": needs},
      ),
    )
    for dtype in dtypes
  ]
  bars = (
    Bar("gr_jax float32 64", "qwen2 float32 64", 1.0),
    Bar("gr_jax bfloat16 64", "qwen2 float32 64", 1.5),
    Bar("gr_jax bfloat16 64", "qwen2 bfloat16 64", 1.0),
  )
  title = (
    f"decoder training, {sizes['layers']} layers of {sizes['width']}, "
    f"{sizes['batch']} x {sizes['length']} tokens of {sizes['vocabulary']:,}"
  )
  return Section("decoder", title, "step", "tokens", tuple(contenders), bars)


class CausalLM(nn.Module):
  """Tied embedding and head around the library's blocks."""

  config: TransformerConfig
  vocabulary: int
  dot_general: DotGeneral

  @nn.compact
  def __call__(self, tokens: jax.Array) -> jax.Array:
    """Logits `[B, T, V]` of tokens `[B, T]`."""
    embedding = self.param(
      "embedding",
      nn.with_logical_partitioning(
        nn.initializers.normal(0.02), ("vocab", "embed")
      ),
      (self.vocabulary, self.config.width),
    )
    B, T = tokens.shape
    mask = jnp.broadcast_to(jnp.tril(jnp.ones((T, T), bool)), (B, T, T))
    positions = jnp.broadcast_to(jnp.arange(T), (B, T))
    states, _ = Transformer(self.config, self.dot_general)(
      embedding[tokens], positions, mask
    )
    return self.dot_general(states, embedding.T, (((2,), (0,)), ((), ())))


def _transformer(layers, width, heads, kv_heads, feed_forward):
  return TransformerConfig(
    layers=layers,
    width=width,
    heads=heads,
    kv_heads=kv_heads,
    head_size=width // heads,
    feed_forward=feed_forward,
  )


def make(
  *,
  units,
  dtype,
  batch,
  length,
  vocabulary,
  layers,
  width,
  heads,
  feed_forward,
) -> Run:
  config = _transformer(layers, width, heads, heads, feed_forward)
  model = CausalLM(config, vocabulary, dot_general(dtype))
  tokens = np.random.default_rng(0).integers(
    vocabulary, size=(batch, length + 1), dtype=np.int32
  )

  def loss(params, tokens, *, key):
    del key
    logits = model.apply(params, tokens[:, :-1])
    targets = tokens[:, 1:]
    value = cross_entropy(logits, targets, where=jnp.ones_like(targets, bool))
    return value, {"train/loss": value}

  def init(key):
    return model.init(key, tokens[:1, :-1])

  return _training(init, loss, tokens, units=units)


def make_packed(
  *,
  units,
  dtype,
  batch,
  history,
  targets,
  level_sizes,
  prompt_size,
  layers,
  width,
  heads,
  feed_forward,
) -> Run:
  config = _transformer(layers, width, heads, heads // 2, feed_forward)
  sizes = tuple(level_sizes)
  model = DecoderOnly(
    config, prompt_size, sizes, dot_general=dot_general(dtype)
  )
  rng = np.random.default_rng(0)

  def draw(*shape):
    return rng.integers(prompt_size, size=shape, dtype=np.int32)

  prompt = Prompt(
    profile=draw(batch, 1, 2),
    history=draw(batch, history, len(sizes) + 2),
    mask=np.ones((batch, 1 + history), bool),
  )
  codes = rng.integers(min(sizes), size=(batch, targets, len(sizes)))
  examples = Examples(
    prompt,
    draw(batch, targets, 8),
    codes.astype(np.int32),
    np.ones((batch, targets), bool),
  )

  def init(key):
    return model.init(key, prompt, examples.queries, examples.codes)

  loss = functools.partial(point_wise_loss, model, counts={})
  return _training(init, loss, examples, units=units)


def _training(init, loss, batch, *, units: int) -> Run:
  """AdamW through the library's jitted step."""
  mesh = make_mesh(MeshConfig())
  optimizer = optax.adamw(1e-3, weight_decay=0.01)
  with jax.set_mesh(mesh):
    state = create_state(init, optimizer, jax.random.key(0), mesh=mesh)
    step = make_step(loss, optimizer, like=state)

  def run():
    nonlocal state
    with jax.set_mesh(mesh):
      for _ in range(units):
        state, metrics = step(state, put_batch(batch, mesh))
    return {"loss": float(metrics["train/loss"])}

  return run
