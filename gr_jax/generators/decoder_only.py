"""A decoder-only generator of semantic IDs, in the Qwen2.5 arrangement.

A prompt of `S` positions is followed by branches: a query position, then the
codes of one target item. All branches of a row read the same prompt and never
each other, so a page of targets costs one prompt, in training as in search.
Level `l` is scored over its own vocabulary of `C_l` codes; where IDs may end
early, one more column after the first level, the last, says "the ID ends here".

Variables may hold `{"counts": {"catalogue": CatalogueCounts}}` beside
`"params"`: scores then start from what counting says (`count_prior`). A
`"transitions": Transitions` beside the catalogue tells what follows what.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import struct

from gr_jax.generators.branch_mask import branch_mask
from gr_jax.generators.priors.catalogue_counts import CatalogueCounts
from gr_jax.generators.priors.count_prior import CountPrior, PriorState
from gr_jax.generators.priors.transitions import Transitions
from gr_jax.generators.prompts.prompt_encoder import (
  EncodedPrompt,
  PromptEncoder,
  SumItems,
)
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.attention import BeamCache, BeamPlace, KeyValues
from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.transformer import Transformer, TransformerConfig


@struct.dataclass
class DecodingCache:
  """What `decode_step` takes and returns.

  Attributes:
    prompt: keys and values `[layers, B, S + 1, K, h]` of prompt and query.
    own: `[layers, B, M, L - 1, K, h]`, or None before the first step.
    mask: `[B, S + 1]`.
    counted: what counting knows of the beams; None without counts.
  """

  prompt: KeyValues
  own: KeyValues | None
  mask: jax.Array
  counted: PriorState | None = None


class DecoderOnly(nn.Module):
  """Prompt and codes so far in, scores of the next code out.

  Attributes:
    config: sizes of the transformer.
    prompt_size: tokens that are not codes.
    level_sizes: codes per level.
    ends: whether IDs may end early.
    dot_general: the product of every dense layer.
    prompt_encoder: how many positions an item of a prompt takes.
  """

  config: TransformerConfig
  prompt_size: int
  level_sizes: tuple[int, ...]
  ends: bool = False
  dot_general: DotGeneral = jax.lax.dot_general
  prompt_encoder: PromptEncoder = SumItems()

  def setup(self):
    D = self.config.width
    init = nn.initializers.normal(D**-0.5)
    self.token_embedding = self.param(
      "token_embedding",
      nn.with_logical_partitioning(init, ("vocab", "embed")),
      (self.prompt_size + sum(self.level_sizes), D),
    )
    if self.ends:
      self.end_embedding = self.param(
        "end_embedding",
        nn.with_logical_partitioning(init, ("levels", "embed")),
        (len(self.level_sizes) - 1, D),
      )
    self.transformer = Transformer(self.config, self.dot_general)
    told = self.transitions
    self.prior = CountPrior(
      self.prompt_size, self.level_sizes, D, told.last if told else 0
    )

  @property
  def counts(self) -> CatalogueCounts | None:
    return self.get_variable("counts", "catalogue")

  @property
  def transitions(self) -> Transitions | None:
    return self.get_variable("counts", "transitions")

  def embed(self, tokens: jax.Array) -> jax.Array:
    """Sum of the embeddings of `[..., W]` tokens, -1 = none: `[..., D]`."""
    rows = self.token_embedding[jnp.maximum(tokens, 0)]
    return jnp.where(tokens[..., None] >= 0, rows, 0).sum(axis=-2)

  def level_logits(self, states: jax.Array, level: int) -> jax.Array:
    """Scores of level `level`'s codes for states `[..., D]`.

    `s · e_c` with the embeddings that also read codes (tied, as in
    Qwen2.5-0.5B): what attention copies from the history then scores high by
    itself, so that buying again need not be learned code by code.
    """
    first = self.prompt_size + sum(self.level_sizes[:level])
    rows = self.token_embedding[first : first + self.level_sizes[level]]
    if self.ends and level:  # An ID has one code at least.
      rows = jnp.concatenate((rows, self.end_embedding[level - 1][None]))
    dims = (((states.ndim - 1,), (0,)), ((), ()))
    return self.dot_general(states, rows.T, dims)

  def arrange(self, prompt: Prompt) -> EncodedPrompt:
    """States and mask of a prompt's positions."""
    return self.prompt_encoder(prompt, self.embed, levels=len(self.level_sizes))

  def embed_codes(self, codes: jax.Array, level: int) -> jax.Array:
    """`[..., D]` of the codes `[...]` of a level, 0 after an early end."""
    offset = self.prompt_size + sum(self.level_sizes[:level])
    return self.embed(jnp.where(codes >= 0, codes + offset, -1)[..., None])

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
    inputs = [self.embed(queries)]
    inputs += [self.embed_codes(codes[:, :, l], l) for l in range(L - 1)]
    branches = jnp.stack(inputs, axis=2).reshape(B, P * L, -1)
    # After the branches: gradients of a table add up in the order of its uses.
    read = self.arrange(prompt)
    S = read.mask.shape[1]
    x = jnp.concatenate((read.states, branches), axis=1)
    positions = jnp.concatenate((jnp.arange(S), S + jnp.tile(jnp.arange(L), P)))
    states, _ = self.transformer(
      x,
      jnp.broadcast_to(positions, x.shape[:2]),
      branch_mask(read.mask, P, L),
    )
    states = states[:, S:].reshape(B, P, L, -1)
    levels = [states[:, :, l] for l in range(L)]
    logits = [self.level_logits(x, l) for l, x in enumerate(levels)]
    if self.counts is None:
      return logits
    biases = self.prior.biases(
      prompt, self.counts, levels, codes, self.transitions
    )
    return [scores + bias for scores, bias in zip(logits, biases)]

  def prefill(
    self, prompt: Prompt, queries: jax.Array
  ) -> tuple[jax.Array, DecodingCache]:
    """Log-probabilities `[B, C_0]` of the first code, and the cache.

    Args:
      prompt: of `B` rows.
      queries: `[B, Wq]`.
    """
    read = self.arrange(prompt)
    B, S = read.mask.shape
    x = jnp.concatenate((read.states, self.embed(queries)[:, None]), axis=1)
    positions = jnp.broadcast_to(jnp.arange(S + 1), (B, S + 1))
    mask = jnp.pad(read.mask, ((0, 0), (0, 1)), constant_values=True)
    causal = jnp.tril(jnp.ones((S + 1, S + 1), bool))
    states, kept = self.transformer(x, positions, causal & mask[:, None])
    logits = self.level_logits(states[:, -1], 0)
    counted = None
    if self.counts is not None:
      counted = self.prior.start(prompt, self.transitions)
      logits += self.prior.bias(counted, self.counts, states[:, -1:], 0)[:, 0]
    return jax.nn.log_softmax(logits), DecodingCache(kept, None, mask, counted)

  def decode_step(
    self,
    codes: jax.Array,
    parents: jax.Array,
    cache: DecodingCache,
    *,
    level: int,
  ) -> tuple[jax.Array, DecodingCache]:
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
    if cache.own is None:
      layers, _, _, K, h = cache.prompt.keys.shape
      shape = (layers, B, M, len(self.level_sizes) - 1, K, h)
      own = KeyValues(jnp.zeros(shape), jnp.zeros(shape))
    else:
      index = parents[None, :, :, None, None, None]
      own = jax.tree.map(
        lambda x: jnp.take_along_axis(x, index, axis=2), cache.own
      )
    # A finished beam (-1) computes something; the search does not read it.
    x = self.embed_codes(codes, level - 1)
    first = cache.mask.shape[1]
    states, own = self.transformer(
      x,
      jnp.full((B, M), first + level - 1),
      BeamPlace(cache.mask, slot=level - 1),
      BeamCache(KeyValues(cache.prompt.keys, cache.prompt.values), own),
    )
    logits = self.level_logits(states, level)
    counted = cache.counted
    if counted is not None:
      counted = self.prior.follow(
        counted, self.counts, codes, parents, level - 1
      )
      logits += self.prior.bias(counted, self.counts, states, level)
    return jax.nn.log_softmax(logits), cache.replace(own=own, counted=counted)
