"""Decoder training on plain sequences: the library's own side.

A generator of the library reads prompts and branches; what the peers train is
a causal language model. Here the library's blocks are put between a tied
embedding and head, so that both sides have the same parameters and the same
targets.
"""

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.precision import dot_general
from gr_jax.nn.transformer import Transformer, TransformerConfig
from gr_jax.objectives.next_token import cross_entropy
from gr_jax.parallel.mesh import MeshConfig, make_mesh, put_batch
from gr_jax.training.loop import make_step
from gr_jax.training.state import create_state
from tools.benchmarks.contender import DTYPES, Bar, Contender, Run, Section
from tools.benchmarks.generator import Sizes
from tools.benchmarks.products import BARS, make_run

SIZES = Sizes(1100, level_sizes=(), kv_heads=4, feed_forward=1024)


def section(*, units: int = 2, sizes: Sizes = SIZES) -> Section:
  """Ours, `transformers`' Qwen2 and our products alone, in both types."""
  contenders = tuple(
    Contender(
      name,
      f"tools.benchmarks.{make}",
      {"sizes": sizes, "dtype": dtype},
      units=units,
      items=sizes.batch * sizes.history,
      needs=needs,
    )
    for name, make, needs in (
      ("gr_jax", "decoder:make", ()),
      ("qwen2", "qwen2:make_training", ("torch", "transformers")),
      ("products alone", "decoder:make_products", ()),
    )
    for dtype in DTYPES
  )
  bars = (
    Bar("gr_jax float32", "qwen2 float32", 1.0),
    Bar("gr_jax bfloat16", "qwen2 float32", 1.5),
    Bar("gr_jax bfloat16", "qwen2 bfloat16", 1.2),
    *BARS,
  )
  title = (
    f"decoder training, {sizes.title}, {sizes.batch} x {sizes.history} tokens "
    f"of {sizes.vocabulary:,}"
  )
  return Section("decoder", title, "step", "tokens", contenders, bars)


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


def _training(dtype: str, sizes: Sizes):
  """The library's jitted step of AdamW, its state, its batch and the mesh."""
  model = CausalLM(sizes.transformer, sizes.vocabulary, dot_general(dtype))
  tokens = sizes.tokens(sizes.batch, sizes.history + 1)
  mesh = make_mesh(MeshConfig())
  optimizer = optax.adamw(1e-3, weight_decay=0.01)

  def loss(params, tokens, *, key):
    del key
    logits = model.apply(params, tokens[:, :-1])
    targets = tokens[:, 1:]
    value = cross_entropy(logits, targets, where=jnp.ones_like(targets, bool))
    return value, {"train/loss": value}

  def init(key):
    return model.init(key, tokens[:1, :-1])

  with jax.set_mesh(mesh):
    state = create_state(init, optimizer, jax.random.key(0), mesh=mesh)
    step = make_step(loss, optimizer, like=state)

  return step, state, put_batch(tokens, mesh), mesh


def make(*, units: int, dtype: str, sizes: Sizes) -> Run:
  """Steps of AdamW through the library's jitted step."""
  step, state, batch, mesh = _training(dtype, sizes)

  def run():
    nonlocal state
    with jax.set_mesh(mesh):
      for _ in range(units):
        state, metrics = step(state, batch)
    return {"loss": float(metrics["train/loss"])}

  return run


def make_products(*, units: int, dtype: str, sizes: Sizes) -> Run:
  """The products of the same steps."""
  step, state, batch, mesh = _training(dtype, sizes)
  with jax.set_mesh(mesh):
    return make_run(units, step, state, batch)
