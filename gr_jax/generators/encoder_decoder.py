"""An encoder-decoder generator of semantic IDs, in the T5 arrangement.

The baselines of the papers (DSI, NCI, TIGER) are T5s. Its parts are used as
`DecoderOnly`'s are, so that training and search treat the two alike:

  * the encoder reads the prompt and the words of the query, each word at a
    position of its own, both ways;
  * the decoder begins with a learned vector and reads the codes so far.

Targets of a row share its prompt: words read the prompt and the words of their
own query, the prompt reads itself only (`[OURS]`; T5 would encode it anew for
every query). The beams of a search share all that was encoded.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.generators.network import code_head, decode_step, encode, prefill
from gr_jax.generators.prefix_adaptor import PrefixAdaptor
from gr_jax.generators.priors.count_prior import PriorState
from gr_jax.generators.prompts.prompt_encoder import PromptEncoder, SumItems
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.attention import KeyValues
from gr_jax.nn.attention_mask import AttentionMask, Blocks, two_way_mask
from gr_jax.nn.biased_attention import MemoryKeys
from gr_jax.nn.encoder_decoder import Decoder, Encoder
from gr_jax.nn.layers import DotGeneral, name_axes
from gr_jax.nn.transformer import TransformerConfig


@struct.dataclass
class EncodedCache:
  """The cache of an encoder-decoder generator.

  Attributes:
    memory: keys and values `[layers, B, S + Wq, K, h]` of prompt and query.
    own: `[layers, B, M, l, K, h]` of the start and the codes so far.
    prefix: the embeddings of the same positions, `[B, M, l, D]`.
    mask: `[B, S + Wq]`.
    prior: the state of the counts; None without counts.
  """

  memory: KeyValues
  own: KeyValues
  prefix: jax.Array
  mask: jax.Array
  prior: PriorState | None = None


class Encoded(NamedTuple):
  """An encoded prompt and its queries, as decoders read them.

  Attributes:
    memory: keys and values `[layers, B, S + P Wq, K, h]`.
    mask: the part that each position of the targets reads; an array
      `[B, P, S + P Wq]` in a search.
  """

  memory: KeyValues
  mask: AttentionMask | jax.Array


class EncoderDecoder(nn.Module):
  """A T5 over prompt and codes; as a module, itself a `Generator`.

  Attributes:
    config: the sizes; encoder and decoder have `layers` each, `rope_theta` is
      unused.
    prompt_size: the number of tokens that are not codes.
    level_sizes: the number of codes per level.
    ends: whether IDs may end early.
    dot_general: the product of every dense layer.
    prompt_encoder: turns the items of a prompt into positions.
    candidate_features: the number of features of a candidate, 0 without.
    adaptor: lets scores depend on the prefix, as in NCI; None as in T5.
  """

  config: TransformerConfig
  prompt_size: int
  level_sizes: tuple[int, ...]
  ends: bool = False
  dot_general: DotGeneral = jax.lax.dot_general
  prompt_encoder: PromptEncoder = SumItems()
  candidate_features: int = 0
  adaptor: PrefixAdaptor | None = None

  def setup(self):
    c = self.config
    self.head = code_head(self)
    # Parameters of the head lie beside those of encoder and decoder.
    nn.share_scope(self, self.head)
    self.start = self.param(
      "start",
      name_axes(nn.initializers.normal(c.width**-0.5), ("embed",)),
      (c.width,),
    )
    self.encoder = Encoder(c, self.dot_general)
    self.memory_keys = MemoryKeys(
      c.layers, c.kv_heads, c.head_size, self.dot_general
    )
    self.decoder = Decoder(c, self.dot_general)

  def encode(self, prompt: Prompt, queries: jax.Array, *, rows: int) -> Encoded:
    """Reads a prompt and `P` queries, `[B, P, Wq]` words, for `rows` each."""
    read = encode(self, prompt)
    (B, S), (_, P, W) = read.mask.shape, queries.shape
    words = self.head.table.rows(queries).reshape(B, P * W, -1)
    # A query without words keeps one place: there is always something to read.
    there = (queries >= 0) | (jnp.arange(W) == 0)
    there = jnp.concatenate((read.mask, there.reshape(B, P * W)), axis=1)
    positions = jnp.concatenate((jnp.arange(S), jnp.tile(S + jnp.arange(W), P)))
    blocks = Blocks(S, P, W)
    states = self.encoder(
      jnp.concatenate((read.states, words), axis=1),
      positions,
      two_way_mask(there, blocks),
    )
    mask = two_way_mask(there, blocks, Blocks(0, P, rows))
    return Encoded(self.memory_keys(states), mask)

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
      before: the positions `[B, P, t, D]` before these; None at the start.
      past: their keys and values.
      encoded: prompt and queries.
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
      prompt: the prompts of `B` rows.
      queries: `[B, P, Wq]`.
      codes: the targets `[B, P, L]`; the last level is not read.

    Returns:
      Per level, logits `[B, P, C_l]`, with the column of ends where there is
      one.
    """
    L, D = len(self.level_sizes), self.config.width
    start = jnp.broadcast_to(self.start, (*codes.shape[:2], D))
    x = self.head.table.shifted(start, codes, length=L)
    encoded = self.encode(prompt, queries, rows=L)
    states, _, _ = self.decode(x, None, None, encoded)
    levels = [states[:, :, l] for l in range(L)]
    return self.head.logits(prompt, levels, codes)

  def first_code(
    self, prompt: Prompt, queries: jax.Array
  ) -> tuple[jax.Array, EncodedCache]:
    """Log-probabilities `[B, C_0]` of the first code, and the cache.

    Args:
      prompt: the prompts of `B` rows.
      queries: `[B, Wq]`.
    """
    encoded = self.encode(prompt, queries[:, None], rows=1)
    start = jnp.broadcast_to(
      self.start, (len(queries), 1, 1, self.config.width)
    )
    states, prefix, own = self.decode(start, None, None, encoded)
    log_probs, prior = self.head.first_log_probs(prompt, states[:, 0, 0])
    assert isinstance(encoded.mask, AttentionMask)
    mask = encoded.mask.dense()[:, 0]
    return log_probs, EncodedCache(encoded.memory, own, prefix, mask, prior)

  def next_code(
    self,
    codes: jax.Array,
    parents: jax.Array,
    cache: EncodedCache,
    *,
    level: int,
  ) -> tuple[jax.Array, EncodedCache]:
    """Log-probabilities `[B, M, C_level]` of the next code, and the cache.

    Arguments as for `Generator.decode_step`.
    """
    B, M = codes.shape
    past = cache.own.select(parents)
    before = jnp.take_along_axis(cache.prefix, parents[..., None, None], axis=1)
    mask = jnp.broadcast_to(cache.mask[:, None], (B, M, cache.mask.shape[1]))
    # A finished beam (-1) computes something; the search does not read it.
    x = self.head.table.embed_codes(codes, level - 1)[:, :, None]
    states, prefix, own = self.decode(
      x, before, past, Encoded(cache.memory, mask)
    )
    log_probs, prior = self.head.next_log_probs(
      states[:, :, 0], codes, parents, cache.prior, level=level
    )
    return log_probs, dataclasses.replace(
      cache, own=own, prefix=prefix, prior=prior
    )

  # As a `Generator`.
  prefill, decode_step = prefill, decode_step


def build(section: Mapping[str, Any], **parts) -> EncoderDecoder:
  """The T5 of a generator section.

  Args:
    section: not read.
    **parts: the attributes of the network.
  """
  del section
  return EncoderDecoder(**parts)


def build_nci(
  section: Mapping[str, Any],
  *,
  config: TransformerConfig,
  dot_general: DotGeneral,
  **parts,
) -> EncoderDecoder:
  """The T5 of a section, with a prefix adaptor of `adaptor_layers` layers."""
  sizes = dataclasses.replace(config, layers=section["adaptor_layers"])
  return EncoderDecoder(
    config,
    dot_general=dot_general,
    adaptor=PrefixAdaptor(sizes, dot_general),
    **parts,
  )
