"""An encoder-decoder generator of semantic IDs, in the T5 arrangement.

The baselines of the papers (DSI, NCI, TIGER) are T5s. Its parts are used as
`DecoderOnly`'s are, so that training and search do not tell the two apart:

  * the encoder reads the prompt and the words of the query, each word at a
    position of its own, both ways;
  * the decoder begins with a learned vector and reads the codes so far.

Targets of a row share its prompt: words read the prompt and the words of their
own query, the prompt reads itself only (our design; T5 would encode it anew for
every query). The beams of a search share all that was encoded.

Variables may hold counts, as those of `DecoderOnly`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.generators.code_head import CodeTable
from gr_jax.generators.prefix_adaptor import PrefixAdaptor
from gr_jax.generators.priors.catalogue_counts import CatalogueCounts
from gr_jax.generators.priors.count_prior import CountPrior, PriorState
from gr_jax.generators.priors.transitions import Transitions
from gr_jax.generators.prompts.prompt_encoder import PromptEncoder, SumItems
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.attention import KeyValues
from gr_jax.nn.biased_attention import MemoryKeys
from gr_jax.nn.encoder_decoder import Decoder, Encoder
from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.transformer import TransformerConfig


@struct.dataclass
class EncodedCache:
  """What `decode_step` takes and returns.

  Attributes:
    memory: keys and values `[layers, B, S + Wq, K, h]` of what was encoded.
    own: `[layers, B, M, l, K, h]` of the start and the codes so far.
    prefix: the same as the decoder read them, `[B, M, l, D]`.
    mask: `[B, S + Wq]`.
    counted: what counting knows of the beams; None without counts.
  """

  memory: KeyValues
  own: KeyValues
  prefix: jax.Array
  mask: jax.Array
  counted: PriorState | None = None


class Encoded(NamedTuple):
  """What decoders read.

  Attributes:
    memory: keys and values `[layers, B, S + P Wq, K, h]`.
    mask: `[B, P, S + P Wq]`, what each of the targets reads of it.
  """

  memory: KeyValues
  mask: jax.Array


class EncoderDecoder(nn.Module):
  """Prompt and codes so far in, scores of the next code out.

  Attributes:
    config: sizes; `layers` each of encoder and decoder, `rope_theta` is unused.
    prompt_size: tokens that are not codes.
    level_sizes: codes per level.
    ends: whether IDs may end early.
    dot_general: the product of every dense layer.
    prompt_encoder: how many positions an item of a prompt takes.
    adaptor: lets scores depend on the prefix, as in NCI; None as in T5.
  """

  config: TransformerConfig
  prompt_size: int
  level_sizes: tuple[int, ...]
  ends: bool = False
  dot_general: DotGeneral = jax.lax.dot_general
  prompt_encoder: PromptEncoder = SumItems()
  adaptor: PrefixAdaptor | None = None

  def setup(self):
    c = self.config
    self.table = CodeTable(
      self.prompt_size, self.level_sizes, c.width, self.ends, self.dot_general
    )
    self.start = self.param(
      "start",
      nn.with_logical_partitioning(
        nn.initializers.normal(c.width**-0.5), ("embed",)
      ),
      (c.width,),
    )
    self.encoder = Encoder(c, self.dot_general)
    self.memory_keys = MemoryKeys(
      c.layers, c.kv_heads, c.head_size, self.dot_general
    )
    self.decoder = Decoder(c, self.dot_general)
    told = self.transitions
    self.prior = CountPrior(
      self.prompt_size, self.level_sizes, c.width, told.last if told else 0
    )

  @property
  def counts(self) -> CatalogueCounts | None:
    return self.get_variable("counts", "catalogue")

  @property
  def transitions(self) -> Transitions | None:
    return self.get_variable("counts", "transitions")

  def encode(self, prompt: Prompt, queries: jax.Array) -> Encoded:
    """Reads a prompt and `P` queries, `[B, P, Wq]` words."""
    read = self.prompt_encoder(
      prompt, self.table.embed, levels=len(self.level_sizes)
    )
    (B, S), (_, P, W) = read.mask.shape, queries.shape
    words = self.table.rows(queries).reshape(B, P * W, -1)
    # A query without words keeps one place: there is always something to read.
    there = (queries >= 0) | (jnp.arange(W) == 0)
    there = jnp.concatenate((read.mask, there.reshape(B, P * W)), axis=1)
    owner = jnp.concatenate(
      (jnp.zeros(S, int), jnp.repeat(jnp.arange(1, P + 1), W))
    )
    positions = jnp.concatenate((jnp.arange(S), jnp.tile(S + jnp.arange(W), P)))
    visible = (owner == 0) | (owner[:, None] == owner)
    states = self.encoder(
      jnp.concatenate((read.states, words), axis=1),
      positions,
      visible & there[:, None],
    )
    own = (owner == 0) | (jnp.arange(1, P + 1)[:, None] == owner)
    return Encoded(self.memory_keys(states), own & there[:, None])

  def decode(
    self,
    x: jax.Array,
    before: jax.Array | None,
    past: KeyValues | None,
    encoded: Encoded,
  ) -> tuple[jax.Array, jax.Array, KeyValues]:
    """States of the next positions, and prefixes with their keys and values.

    Args:
      x: `[B, P, T, D]`.
      before: `[B, P, t, D]` that was read before; None at the start.
      past: its keys and values.
      encoded: what there is to read.
    """
    states, own = self.decoder(x, past, *encoded)
    prefix = x if before is None else jnp.concatenate((before, x), axis=2)
    if self.adaptor is not None:
      states = self.adaptor(prefix, states)
    return states, prefix, own

  def __call__(
    self, prompt: Prompt, queries: jax.Array, codes: jax.Array
  ) -> list[jax.Array]:
    """Scores of every code of `P` targets that share a prompt.

    Args:
      prompt: of `B` rows.
      queries: `[B, P, Wq]`.
      codes: the targets `[B, P, L]`; the last level is not read.

    Returns:
      Per level, logits `[B, P, C_l]`, with the column of ends where there is
      one.
    """
    B, P, L = codes.shape
    inputs = [jnp.broadcast_to(self.start, (B, P, *self.start.shape))]
    inputs += [self.table.embed_codes(codes[..., l], l) for l in range(L - 1)]
    encoded = self.encode(prompt, queries)
    x = jnp.stack(inputs, axis=2)
    states, _, _ = self.decode(x, None, None, encoded)
    levels = [states[:, :, l] for l in range(L)]
    logits = [self.table.level_logits(x, l) for l, x in enumerate(levels)]
    if self.counts is None:
      return logits
    biases = self.prior.biases(
      prompt, self.counts, levels, codes, self.transitions
    )
    return [scores + bias for scores, bias in zip(logits, biases)]

  def prefill(
    self, prompt: Prompt, queries: jax.Array
  ) -> tuple[jax.Array, EncodedCache]:
    """Log-probabilities `[B, C_0]` of the first code, and the cache.

    Args:
      prompt: of `B` rows.
      queries: `[B, Wq]`.
    """
    encoded = self.encode(prompt, queries[:, None])
    start = jnp.broadcast_to(
      self.start, (len(queries), 1, 1, *self.start.shape)
    )
    states, prefix, own = self.decode(start, None, None, encoded)
    logits = self.table.level_logits(states[:, 0, 0], 0)
    counted = None
    if self.counts is not None:
      counted = self.prior.start(prompt, self.transitions)
      logits += self.prior.bias(counted, self.counts, states[:, :, 0], 0)[:, 0]
    mask = encoded.mask[:, 0]
    return jax.nn.log_softmax(logits), EncodedCache(
      encoded.memory, own, prefix, mask, counted
    )

  def decode_step(
    self,
    codes: jax.Array,
    parents: jax.Array,
    cache: EncodedCache,
    *,
    level: int,
  ) -> tuple[jax.Array, EncodedCache]:
    """Log-probabilities of the codes of `level`, for `M` beams.

    Args:
      codes: `[B, M]`, chosen at `level - 1`.
      parents: `[B, M]`, the beam of the previous step that each extends.
      cache: of the previous step.
      level: static, 1 .. L - 1.

    Returns:
      `[B, M, C_level]` and the cache.
    """
    B, M = codes.shape
    index = parents[None, :, :, None, None, None]
    past = jax.tree.map(
      lambda x: jnp.take_along_axis(x, index, axis=2), cache.own
    )
    before = jnp.take_along_axis(cache.prefix, index[0, ..., 0], axis=1)
    mask = jnp.broadcast_to(cache.mask[:, None], (B, M, cache.mask.shape[1]))
    # A finished beam (-1) computes something; the search does not read it.
    x = self.table.embed_codes(codes, level - 1)[:, :, None]
    states, prefix, own = self.decode(
      x, before, past, Encoded(cache.memory, mask)
    )
    logits = self.table.level_logits(states[:, :, 0], level)
    counted = cache.counted
    if counted is not None:
      counted = self.prior.follow(
        counted, self.counts, codes, parents, level - 1
      )
      logits += self.prior.bias(counted, self.counts, states[:, :, 0], level)
    return jax.nn.log_softmax(logits), cache.replace(
      own=own, prefix=prefix, counted=counted
    )
