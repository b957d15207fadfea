"""The state of a beam search and the generator that drives it.

A generator is two functions, `Prefill` and `DecodeStep`; a search holds `Beams`
and ends in a `SearchResult`. Both searches, inside the catalogue and free, are
made of the steps below.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from gr_jax.decoding.trie import Trie


class Prefill(Protocol):
  """Reads the prompts: log-probabilities of the first code and the cache."""

  def __call__(self, params: Any, prompt: Any, /) -> tuple[jax.Array, Any]:
    """Returns `[B, C_0]` float32 and the cache."""


class DecodeStep(Protocol):
  """Reads one more code per beam: log-probabilities of the next code."""

  def __call__(
    self,
    params: Any,
    codes: jax.Array,
    parents: jax.Array,
    level: int,
    cache: Any,
    /,
  ) -> tuple[jax.Array, Any]:
    """One step of all beams.

    Args:
      params: parameters.
      codes: `[B, M]` int32, the codes chosen at `level - 1`, always in
        `0..C_{level-1} - 1` (0 for beams that are dead or have ended; what
        they get is not read).
      parents: `[B, M]` int32, which beam of the step before each one extends.
        The number of beams may differ from the step before; the first step's
        parents are all 0.
      level: the level to predict, a Python integer.
      cache: what `prefill` or the step before returned.

    Returns:
      `[B, M, C_level]` float32, with a last column for END where IDs may end
      before this level, and the cache.
    """


class SearchResult(NamedTuple):
  """The best IDs, best first.

  Attributes:
    ids: `[B, M]` int32 rows of the sorted ID table, -1 where there is none.
    log_probs: `[B, M]` float32, `-inf` where the beam is empty.
    codes: `[B, M, L]` int32, -1 after an early end and where the beam is empty.
  """

  ids: jax.Array
  log_probs: jax.Array
  codes: jax.Array

  @property
  def valid(self) -> jax.Array:
    """`[B, M]` bool: is this an ID of the catalogue?"""
    return self.ids >= 0


class Beams(NamedTuple):
  """The live prefixes of every request, best first.

  Attributes:
    nodes: `[B, M]` int32 trie nodes; all 0 in the free search.
    scores: `[B, M]` float32 log-probabilities, `-inf` for a dead beam.
    codes: `[B, M, l]` int32 prefixes, -1 after an early end.
    parents: `[B, M]` int32, the beam of the step before that each extends.
  """

  nodes: jax.Array
  scores: jax.Array
  codes: jax.Array
  parents: jax.Array

  @property
  def live(self) -> jax.Array:
    return self.scores > -jnp.inf

  @property
  def ended(self) -> jax.Array:
    return self.codes[..., -1] < 0

  def step(
    self,
    nodes: jax.Array,
    scores: jax.Array,
    codes: jax.Array,
    parents: jax.Array,
  ) -> "Beams":
    """The next beams: `codes` `[B, M']` appended to those of `parents`."""
    prefix = jnp.take_along_axis(self.codes, parents[..., None], axis=1)
    codes = jnp.concatenate([prefix, codes[..., None]], axis=-1)
    return Beams(nodes, scores, codes, parents)

  def result(self, ids: jax.Array, width: int) -> SearchResult:
    """The answer, padded to `width` where fewer beams were possible."""
    codes = jnp.where(self.live[..., None], self.codes, -1)
    missing = [(0, 0), (0, width - ids.shape[1])]
    return SearchResult(
      jnp.pad(ids, missing, constant_values=-1),
      jnp.pad(self.scores, missing, constant_values=-jnp.inf),
      jnp.pad(codes, [*missing, (0, 0)], constant_values=-1),
    )


def root(batch: int) -> Beams:
  """One beam per request: the empty prefix."""
  zeros = jnp.zeros((batch, 1), jnp.int32)
  return Beams(
    nodes=zeros,
    scores=jnp.zeros((batch, 1), jnp.float32),
    codes=jnp.zeros((batch, 1, 0), jnp.int32),
    parents=zeros,
  )


def next_log_probs(
  decode_step: DecodeStep, params: Any, beams: Beams, level: int, cache: Any
) -> tuple[jax.Array, Any]:
  """Calls `decode_step`, which never sees END or what a dead beam carries."""
  codes = jnp.where(beams.live & ~beams.ended, beams.codes[..., -1], 0)
  return decode_step(params, codes, beams.parents, level, cache)


def best_candidates(
  scores: jax.Array, width: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """The best of `[B, M, K]`: scores, beams and places, each `[B, width]`.

  One flat top-k: the lower index wins among equals, and on CPU it is far
  cheaper than one top-k per beam. Where there are fewer than `width`, dead
  ones (`-inf`) follow.
  """
  batch, beams, places = scores.shape
  best, index = jax.lax.top_k(
    scores.reshape(batch, -1), min(width, beams * places)
  )
  missing = [(0, 0), (0, width - best.shape[1])]
  best = jnp.pad(best, missing, constant_values=-jnp.inf)
  index = jnp.pad(index, missing)
  return best, index // places, index % places


def level_widths(
  beam_size: int | Sequence[int], levels: int
) -> tuple[int, ...]:
  """Beams kept after each level.

  Raises:
    ValueError: unless `beam_size` is positive, one number or one per level.
  """
  given = (beam_size,) * levels if isinstance(beam_size, int) else beam_size
  if len(given) != levels or min(given) < 1:
    raise ValueError(
      f"beam_size must be a positive number or {levels} of them, one per "
      f"level; got {beam_size}."
    )
  return tuple(given)


def has_end_column(log_probs: jax.Array, trie: Trie, level: int) -> bool:
  """Whether the model's last column at `level` is END.

  Raises:
    ValueError: where the columns fit the level neither with END nor without.
  """
  size, columns = trie.level_sizes[level], log_probs.shape[-1]
  if columns not in (size, size + (level > 0)):
    raise ValueError(
      f"level {level} has {size} codes, but the model gave {columns} columns."
    )
  return columns > size
