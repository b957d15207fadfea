"""The part that all generators share: embeddings, and the scores of codes.

A network maps a prompt and the codes so far to states `[..., D]`; the head
reads tokens into the network and turns its states into scores of the next code.
Level `l` is scored over its own vocabulary of `C_l` codes; where IDs may end
early, one more column after the first level, the last, says "the ID ends here".

Variables may hold `{"counts": {"catalogue": CatalogueCounts}}` beside
`"params"`: scores then start from the counts (`priors/count_prior`). A
`"transitions": Transitions` beside the catalogue adds which items follow which.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.generators.priors.catalogue_counts import CatalogueCounts
from gr_jax.generators.priors.count_prior import CountPrior, PriorState
from gr_jax.generators.priors.transitions import Transitions
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.layers import DotGeneral, name_axes
from gr_jax.parallel.constraints import split_vocabulary


class CodeTable(nn.Module):
  """One table of embeddings: prompt tokens, then the codes of every level.

  Attributes:
    prompt_size: the number of tokens that are not codes.
    level_sizes: the number of codes per level.
    width: `D`.
    ends: whether IDs may end early.
    dot_general: the product that scores.
  """

  prompt_size: int
  level_sizes: tuple[int, ...]
  width: int
  ends: bool = False
  dot_general: DotGeneral = jax.lax.dot_general

  def setup(self):
    init = nn.initializers.normal(self.width**-0.5)
    self.token_embedding = self.param(
      "token_embedding",
      name_axes(init, ("vocab", "embed")),
      (self.prompt_size + sum(self.level_sizes), self.width),
    )
    if self.ends:
      self.end_embedding = self.param(
        "end_embedding",
        name_axes(init, ("levels", "embed")),
        (len(self.level_sizes) - 1, self.width),
      )

  def offset(self, level: int) -> int:
    """The first token of a level."""
    return self.prompt_size + sum(self.level_sizes[:level])

  def rows(self, tokens: jax.Array | np.ndarray) -> jax.Array:
    """Embeddings `[..., D]` of tokens `[...]`, 0 for -1."""
    table = split_vocabulary(self.token_embedding)
    # States are float32, also where parameters are kept in fewer bits.
    found = table[jnp.maximum(tokens, 0)].astype(jnp.float32)
    return jnp.where(tokens[..., None] >= 0, found, 0)

  def embed(self, tokens: jax.Array | np.ndarray) -> jax.Array:
    """Sum of the embeddings of `[..., W]` tokens, -1 = none: `[..., D]`."""
    return self.rows(tokens).sum(axis=-2)

  def embed_codes(self, codes: jax.Array, level: int) -> jax.Array:
    """`[..., D]` of the codes `[...]` of a level, 0 after an early end."""
    return self.rows(jnp.where(codes >= 0, codes + self.offset(level), -1))

  def shifted(
    self, start: jax.Array, codes: jax.Array, *, length: int
  ) -> jax.Array:
    """The inputs `[..., length, D]` that predict codes when these are known.

    Args:
      start: `[..., D]`, read before the first code.
      codes: `[..., L]`, of which the first `length - 1` are read.
      length: `L`, or `L + 1` where something is predicted after the last code.
    """
    before = [self.embed_codes(codes[..., l], l) for l in range(length - 1)]
    return jnp.stack([start, *before], axis=-2)

  def logits(self, states: jax.Array, level: int) -> jax.Array:
    """Scores `s · e_c` of a level's codes for states `[..., D]`.

    The embeddings that also read codes (tied, as in Qwen2.5-0.5B): what
    attention copies from the history then scores high by itself, so that
    buying again need not be learned code by code.
    """
    first = self.offset(level)
    rows = self.token_embedding[first : first + self.level_sizes[level]]
    if self.ends and level:  # An ID has one code at least.
      rows = jnp.concatenate((rows, self.end_embedding[level - 1][None]))
    dims = (((states.ndim - 1,), (0,)), ((), ()))
    return self.dot_general(states, rows.T, dims)


class CodeHead(nn.Module):
  """The table, and the scores of codes with what counts add to them.

  With candidates the network's scores are multiplied by a trust in it, one
  number a level that is learned from zero: training starts from the prior. A
  kind of requests may use less of the network (`CandidatePrior.used_of`).

  Attributes:
    prompt_size: the number of tokens that are not codes.
    level_sizes: the number of codes per level.
    width: `D`.
    ends: whether IDs may end early.
    dot_general: the product that scores.
    candidate_features: the number of features of a candidate, 0 without.
  """

  prompt_size: int
  level_sizes: tuple[int, ...]
  width: int
  ends: bool = False
  dot_general: DotGeneral = jax.lax.dot_general
  candidate_features: int = 0

  def setup(self):
    self.table = CodeTable(
      self.prompt_size,
      self.level_sizes,
      self.width,
      self.ends,
      self.dot_general,
    )
    transitions = self.transitions
    self.prior = CountPrior(
      self.prompt_size,
      self.level_sizes,
      self.width,
      transitions.last if transitions else 0,
      self.candidate_features,
    )
    if self.candidate_features:
      self.trust = self.param(
        "trust",
        name_axes(nn.initializers.zeros, ("levels",)),
        (len(self.level_sizes),),
      )

  @property
  def counts(self) -> CatalogueCounts | None:
    return self.get_variable("counts", "catalogue")

  @property
  def transitions(self) -> Transitions | None:
    return self.get_variable("counts", "transitions")

  def logits(
    self, prompt: Prompt, states: Sequence[jax.Array], codes: jax.Array
  ) -> list[jax.Array]:
    """Scores `[B, P, C_l]` of every level, of `P` targets that are known.

    Args:
      prompt: the prompts of `B` rows.
      states: per level `[B, P, D]`, before every code; of the first level there
        may be any number.
      codes: the targets `[B, P, L]`; the last level is not read.
    """
    if self.counts is None:
      return [self._scores(x, level, None) for level, x in enumerate(states)]
    used = None
    if prompt.candidates is not None and self.candidate_features:
      used = self.prior.candidates.used_of(prompt.candidates)[..., None]
    logits = [self._scores(x, level, used) for level, x in enumerate(states)]
    biases = self.prior.biases(
      prompt, self.counts, states, codes, self.transitions
    )
    return [scores + bias for scores, bias in zip(logits, biases)]

  def _scores(
    self, states: jax.Array, level: int, used: jax.Array | None
  ) -> jax.Array:
    """The network's own scores of a level's codes."""
    scores = self.table.logits(states, level)
    return scores if used is None else used * self.trust[level] * scores

  def first_log_probs(
    self, prompt: Prompt, states: jax.Array
  ) -> tuple[jax.Array, PriorState | None]:
    """Log-probabilities `[B, C_0]` of the first code for states `[B, D]`.

    Returns:
      These, and the state of the counts; None without counts.
    """
    if self.counts is None:
      return jax.nn.log_softmax(self._scores(states, 0, None)), None
    prior = self.prior.start(prompt, self.transitions)
    found = prior.candidates
    logits = self._scores(states, 0, found and found.used)
    bias = self.prior.bias(prior, self.counts, states[:, None], 0)
    return jax.nn.log_softmax(logits + bias[:, 0]), prior

  def next_log_probs(
    self,
    states: jax.Array,
    codes: jax.Array,
    parents: jax.Array,
    prior: PriorState | None,
    *,
    level: int,
  ) -> tuple[jax.Array, PriorState | None]:
    """Log-probabilities `[B, M, C_level]` of the next code of `M` beams.

    Args:
      states: `[B, M, D]`.
      codes: `[B, M]`, chosen at `level - 1`.
      parents: `[B, M]`, the beam of the step before that each extends.
      prior: the state of the counts after the step before.
      level: static, from 1 on.
    """
    if prior is None or self.counts is None:
      return jax.nn.log_softmax(self._scores(states, level, None)), None
    found = prior.candidates
    logits = self._scores(states, level, found and found.used[..., None])
    prior = self.prior.follow(prior, self.counts, codes, parents, level - 1)
    bias = self.prior.bias(prior, self.counts, states, level)
    return jax.nn.log_softmax(logits + bias), prior
