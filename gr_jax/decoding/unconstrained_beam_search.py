"""Beam search without a catalogue, over all codes that the model knows.

Used to measure hallucination, the share of generated IDs that name no item.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.decoding.beams import (
  Beams,
  SearchResult,
  best_candidates,
  has_end_column,
  level_widths,
  next_log_probs,
  root,
)
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.trie import Trie, find_rows


def unconstrained_beam_search(
  generator: Generator,
  variables: Any,
  prompt: Any,
  trie: Trie,
  *,
  beam_size: int | Sequence[int],
) -> SearchResult:
  """Beam search over all codes; the trie only judges what came out.

  `1 - mean(result.valid)` is the hallucination rate: where `ids` is -1 the
  codes name nothing, though their `log_probs` are finite. Ties go to the
  better-ranked parent, then to the earlier column. Arguments, shapes and errors
  as for `beam_search`.
  """
  widths = level_widths(beam_size, trie.num_levels)
  log_probs, cache = generator.prefill(variables, prompt)
  log_probs = log_probs[:, None]
  beams = root(log_probs.shape[0])
  may_end = False
  for level, width in enumerate(widths):
    if level:
      log_probs, cache = next_log_probs(
        generator, variables, beams, cache, level=level
      )
    has_end = has_end_column(log_probs, trie, level)
    if may_end and not has_end:
      raise ValueError(
        f"level {level} has no END column, but level {level - 1} has: an ID "
        "that ended could not go on."
      )
    beams = _extend(beams, log_probs, has_end, width)
    may_end = has_end
  rows = find_rows(trie, beams.codes)
  return beams.result(jnp.where(beams.live, rows, -1), widths[-1])


def _extend(
  beams: Beams, log_probs: jax.Array, has_end: bool, width: int
) -> Beams:
  end = log_probs.shape[-1] - 1
  if has_end:
    only_end = jnp.where(jnp.arange(end + 1) == end, 0.0, -jnp.inf)
    log_probs = jnp.where(beams.ended[..., None], only_end, log_probs)
  scores = jnp.where(
    beams.live[..., None], beams.scores[..., None] + log_probs, -jnp.inf
  )
  kept = min(width, scores[0].size)
  scores, parents, codes = best_candidates(scores, kept)
  if has_end:
    codes = jnp.where(codes == end, -1, codes)
  return beams.step(jnp.zeros_like(codes), scores, codes, parents)
