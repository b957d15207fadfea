"""Pre-norm transformer blocks, stacked with a scan over layers."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.choices import choose
from gr_jax.nn.attention import Attention, BeamCache, KeyValues, Place
from gr_jax.nn.attention_choice import ATTENTION, choose_attention
from gr_jax.nn.attention_mask import AttentionMask
from gr_jax.nn.layers import DotGeneral, Dropout, Lora, RMSNorm, SwiGLU
from gr_jax.nn.rotary import RopeScaling
from gr_jax.parallel.constraints import split_states

# What a block keeps for its backward pass: all, the inputs of the block alone,
# or also the results of its products with weights (not those of attention,
# which grow with the square of the length).
REMAT = {
  "none": None,
  "full": jax.checkpoint_policies.nothing_saveable,
  "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
}


class Stack(Protocol):
  """What a stack of blocks is scanned by, see `TransformerConfig`."""

  @property
  def layers(self) -> int: ...
  @property
  def remat(self) -> str: ...
  @property
  def unroll(self) -> int: ...


@dataclasses.dataclass(frozen=True)
class Depth:
  """A `Stack` by itself, for networks with several."""

  layers: int
  remat: str = "none"
  unroll: int = 4


@dataclasses.dataclass(frozen=True)
class TransformerConfig:
  """Sizes of a decoder in the Qwen2.5 arrangement.

  Attributes:
    layers: number of blocks.
    width: `D`.
    heads: query heads `H`.
    kv_heads: key and value heads `K`, a divisor of `heads`.
    head_size: `h`, even (rotary pairs).
    feed_forward: `F`.
    rope_theta: base of the rotary wavelengths.
    remat: what the backward pass recomputes instead of keeping it, one of
      `REMAT`; as older configs say it, False is "none" and True "full".
    unroll: blocks per turn of the scan. Between turns the kept activations
      are stacked, which is a third of a step on CPU; more blocks a turn take
      longer to compile.
    dropout: the share that training sets to zero (`layers.Dropout`) of the
      embeddings, of the weights of attention, and of what attention and SwiGLU
      add.
    qkv_bias: biases on queries, keys and values.
    norm_epsilon: `ε` of every norm.
    rope_scaling: a change of the rotary wavelengths; None without.
    lora: a low-rank change of every product of a block; None without.
    attention: one of `attention_choice.ATTENTION`: "auto" takes the kernel of
      the platform.
  """

  layers: int = 4
  width: int = 256
  heads: int = 4
  kv_heads: int = 2
  head_size: int = 64
  feed_forward: int = 704
  rope_theta: float = 10_000.0
  remat: str = "none"
  unroll: int = 4
  dropout: float = 0.0
  qkv_bias: bool = True
  norm_epsilon: float = 1e-6
  rope_scaling: RopeScaling | None = None
  lora: Lora | None = None
  attention: str = "auto"

  def __post_init__(self):
    if isinstance(self.remat, bool):
      object.__setattr__(self, "remat", "full" if self.remat else "none")
    choose("model.remat", self.remat, REMAT)
    choose("model.attention", self.attention, ATTENTION)
    if self.layers < 1:
      raise ValueError(f"layers ({self.layers}) must be at least 1.")
    if self.heads % self.kv_heads:
      raise ValueError(
        f"kv_heads ({self.kv_heads}) must divide heads ({self.heads})."
      )
    if self.head_size % 2:
      raise ValueError(f"head_size ({self.head_size}) must be even.")
    if not 0 <= self.dropout < 1:
      raise ValueError(f"dropout ({self.dropout}) must be in [0, 1).")


class Block(nn.Module):
  """`x += attention(norm(x)); x += swiglu(norm(x))`."""

  config: TransformerConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    cache: KeyValues | BeamCache | None,
    positions: jax.Array,
    place: Place,
  ) -> tuple[jax.Array, KeyValues]:
    c = self.config
    x = split_states(x, positions=cache is None)
    attended, kept = Attention(
      c.heads,
      c.kv_heads,
      c.head_size,
      c.rope_theta,
      self.dot_general,
      c.dropout,
      c.qkv_bias,
      c.rope_scaling,
      c.lora,
      name="attention",
    )(
      RMSNorm(c.norm_epsilon, name="attention_norm")(x), positions, place, cache
    )
    x = x + Dropout(c.dropout)(attended)
    added = SwiGLU(c.feed_forward, self.dot_general, c.lora, name="mlp")(
      RMSNorm(c.norm_epsilon, name="mlp_norm")(x)
    )
    return x + Dropout(c.dropout)(added), kept


def stacked(
  block: type[nn.Module], config: Stack, in_axes: tuple
) -> type[nn.Module]:
  """`block` scanned over layers, parameters with a leading layer axis."""
  if config.remat != "none":
    policy = REMAT[config.remat]
    block = nn.remat(block, prevent_cse=False, policy=policy)
  return nn.scan(
    block,
    variable_axes={"params": 0},
    split_rngs={"params": True, "dropout": True},
    # One for each argument; Flax types the default alone.
    in_axes=in_axes,  # pyright: ignore[reportArgumentType]
    out_axes=0,
    length=config.layers,
    unroll=min(config.unroll, config.layers),
    metadata_params={nn.PARTITION_NAME: "layers"},
  )


class Transformer(nn.Module):
  """All blocks and the last norm; parameters carry a leading layer axis.

  Attributes:
    config: the sizes.
    dot_general: the product of every dense layer.
    final_norm: False for layers that others follow.
  """

  config: TransformerConfig
  dot_general: DotGeneral = jax.lax.dot_general
  final_norm: bool = True

  @nn.compact
  def __call__(
    self,
    x: jax.Array,
    positions: jax.Array,
    place: AttentionMask | Place,
    cache: KeyValues | BeamCache | None = None,
  ) -> tuple[jax.Array, KeyValues]:
    """See `Attention`; caches have a leading layer axis here.

    Args:
      x: `[B, T, D]`.
      positions: `[B, T]`.
      place: the mask of a sequence, or the place of next positions or of beams.
      cache: `[layers, ...]`, or None for a sequence.

    Returns:
      States `[B, T, D]`, after the last norm where it is there, and the keys
      and values of every layer.
    """
    x = Dropout(self.config.dropout)(x)
    # Once for all layers.
    if isinstance(place, AttentionMask):
      place = choose_attention(
        place,
        self.config.attention,
        head_size=self.config.head_size,
        dot_general=self.dot_general,
        dropped=self.config.dropout > 0 and self.has_rng("dropout"),
      )
    scanned = stacked(Block, self.config, (0, nn.broadcast, nn.broadcast))
    blocks = scanned(self.config, self.dot_general, name="blocks")
    apart = self.has_variable("params", block_name(0))
    run = self._in_turn if apart else blocks
    x, kept = run(x, cache, positions, place)
    x = split_states(x, positions=cache is None)
    if self.final_norm:
      x = RMSNorm(self.config.norm_epsilon, name="norm")(x)
    return x, kept

  def _in_turn(self, x, cache, positions, place):
    """The blocks of `unstacked` parameters, one after the other."""
    kept = []
    for layer in range(self.config.layers):
      block = Block(self.config, self.dot_general, name=block_name(layer))
      own = jax.tree.map(lambda stack, layer=layer: stack[layer], cache)
      x, one = block(x, own, positions, place)
      kept.append(one)
    return x, jax.tree.map(lambda *layers: jnp.stack(layers), *kept)


def block_name(layer: int) -> str:
  return f"block_{layer}"


def unstacked(params: Mapping[str, Any]) -> dict[str, Any]:
  """Parameters whose layers are arrays of their own, not rows of a stack.

  `Transformer` reads both. A stack is scanned, which compiles one block; on
  GPUs every pass then copies each layer out of the stack before it multiplies
  by it, three times the bytes of the weights. Training hides that behind its
  products, a search of few requests does not.

  Args:
    params: any tree that holds a `Transformer`'s "blocks" `[layers, ...]`.
  """
  found: dict[str, Any] = {}
  for name, inner in params.items():
    if name == "blocks":
      layers = len(jax.tree.leaves(inner)[0])
      for layer in range(layers):
        found[block_name(layer)] = jax.tree.map(lambda x, n=layer: x[n], inner)
    else:
      found[name] = unstacked(inner) if isinstance(inner, Mapping) else inner
  return found
