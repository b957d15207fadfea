"""The state of a beam search and its steps.

A search holds `Beams` and ends in a `SearchResult`. Both searches, constrained
to the catalogue and unconstrained, are made of the steps below.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from gr_jax.decoding.generator import Generator
from gr_jax.decoding.trie import Trie

BeamSize = int | tuple[int, ...]
"""The beams kept after every level, or after each one: (128, 256, 512)."""

# The pre-cut must leave a quarter of the candidates at most, else its sorts of
# every beam are longer than the one that they shorten. [OURS]; no accelerator
# has been at hand to measure it.
_CUT = 4


class SearchResult(NamedTuple):
  """The best IDs, best first.

  Attributes:
    ids: `[B, M]` int32 rows of the sorted ID table, -1 where there is none.
    log_probs: `[B, M]` float32, `-inf` where the beam is empty.
    codes: `[B, M, L]` int32, -1 after an early end and where the beam is empty.
    values: `[B, M]` float32 of a generator that predicts values, by which they
      are then ranked as well (`value_ranking`); else None.
  """

  ids: jax.Array
  log_probs: jax.Array
  codes: jax.Array
  values: jax.Array | None = None

  @property
  def valid(self) -> jax.Array:
    """`[B, M]` bool: is this an ID of the catalogue?"""
    return self.ids >= 0


class Beams(NamedTuple):
  """The live prefixes of every request, best first.

  Attributes:
    nodes: `[B, M]` int32 trie nodes; all 0 in the unconstrained search.
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

  def result(
    self, ids: jax.Array, width: int, values: jax.Array | None = None
  ) -> SearchResult:
    """The answer, padded to `width` where fewer beams were possible."""
    codes = jnp.where(self.live[..., None], self.codes, -1)
    missing = [(0, 0), (0, width - ids.shape[1])]
    return SearchResult(
      jnp.pad(ids, missing, constant_values=-1),
      jnp.pad(self.scores, missing, constant_values=-jnp.inf),
      jnp.pad(codes, [*missing, (0, 0)], constant_values=-1),
      None if values is None else jnp.pad(values, missing),
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


class Prefixes(Protocol):
  """`M` prefixes per request: `Beams`, or the `TriePaths` of a sampler."""

  @property
  def codes(self) -> jax.Array: ...

  @property
  def parents(self) -> jax.Array: ...

  @property
  def live(self) -> jax.Array: ...

  @property
  def ended(self) -> jax.Array: ...


def next_log_probs(
  generator: Generator,
  variables: Any,
  prefixes: Prefixes,
  cache: Any,
  *,
  level: int,
) -> tuple[jax.Array, Any]:
  """A decode step that never sees END or what a dead prefix carries."""
  going_on = prefixes.live & ~prefixes.ended
  codes = jnp.where(going_on, prefixes.codes[..., -1], 0)
  return generator.decode_step(
    variables, codes, prefixes.parents, cache, level=level
  )


def best_candidates(
  scores: jax.Array, width: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """The best of `[B, M, K]`: scores, beams and places, each `[B, width]`.

  The lower beam wins among equals, then the lower place. Where there are fewer
  than `width`, dead ones (`-inf`) follow. The same candidates in the same order
  on every platform: on CPU one flat top-k is 3 to 10 times as fast as one
  top-k per beam; a GPU or TPU, which sorts many rows at once, gets the pre-cut
  of GR4AD (arXiv 2602.22732) where that leaves little.
  """
  _, beams, places = scores.shape
  flat = functools.partial(flat_candidates, width=width)
  if beams == 1 or places < _CUT * width:
    return flat(scores)
  cut = functools.partial(precut_candidates, width=width)
  return jax.lax.platform_dependent(scores, cpu=flat, default=cut)


def flat_candidates(
  scores: jax.Array, width: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """`best_candidates` by one top-k over the candidates of all beams."""
  batch, beams, places = scores.shape
  best, index = jax.lax.top_k(
    scores.reshape(batch, -1), min(width, beams * places)
  )
  missing = [(0, 0), (0, width - best.shape[1])]
  best = jnp.pad(best, missing, constant_values=-jnp.inf)
  index = jnp.pad(index, missing)
  return best, index // places, index % places


def precut_candidates(
  scores: jax.Array, width: int, *, share: int | None = None
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """`best_candidates` by a top-k per beam, and one over what those leave.

  A beam cannot have more than `width` of the best `width`, so that the cut is
  exact, order and ties included, for `share >= min(width, K)`.

  Args:
    scores: `[B, M, K]`.
    width: the number of candidates wanted.
    share: the candidates that each beam keeps, at most; None = `width`.
  """
  share = min(share or width, scores.shape[-1])
  # A beam's candidates stay in the order of their scores, then of their places:
  # the flat top-k after it breaks ties as without it.
  left, slots = jax.lax.top_k(scores, share)
  best, beams, ranks = flat_candidates(left, width)
  index = beams * share + ranks
  places = jnp.take_along_axis(
    slots.reshape(len(slots), -1), index, axis=1, mode="clip"
  )
  return best, beams, jnp.where(best > -jnp.inf, places, 0)


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


def answer_size(beam_size: BeamSize) -> int:
  """The number of IDs that a search gives: the width of its last level."""
  return beam_size if isinstance(beam_size, int) else beam_size[-1]


def at_least(beam_size: BeamSize, answers: int) -> BeamSize:
  """The beam, with room for `answers` IDs at its last level."""
  if isinstance(beam_size, int):
    return max(beam_size, answers)
  return *beam_size[:-1], max(beam_size[-1], answers)


def decoder_positions(widths: Sequence[int]) -> int:
  """The positions that a search decodes for each request, the first for all.

  `1 + M_1 + .. + M_{L-1}`: what the last level keeps is decoded no further.
  Widths 128, 256, 512 have 385 of them, three times 512 have 1,025.
  """
  return 1 + sum(widths[:-1])


def has_end_column(log_probs: jax.Array, trie: Trie, level: int) -> bool:
  """Returns whether the model's last column at `level` is END.

  Raises:
    ValueError: where the columns fit the level neither with END nor without.
  """
  size, columns = trie.level_sizes[level], log_probs.shape[-1]
  if columns not in (size, size + (level > 0)):
    raise ValueError(
      f"level {level} has {size} codes, but the model gave {columns} columns."
    )
  return columns > size


def check_columns(log_probs: jax.Array, trie: Trie, level: int) -> None:
  """Checks that the model has the columns which a trie needs at `level`.

  Raises:
    ValueError: the columns do not fit the level, or END is missing where IDs
      end early.
  """
  has_end = has_end_column(log_probs, trie, level)
  if level and trie.has_ends and not has_end:
    raise ValueError(
      f"IDs end early, but level {level} has no END column: decode_step must "
      f"give {trie.level_sizes[level] + 1} columns, END last."
    )
