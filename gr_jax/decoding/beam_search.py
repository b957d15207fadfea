"""Beam search over the semantic IDs of a catalogue, one call to `jit`.

At level `l` a beam at trie node `n` with score `s` has one candidate per child,

  score(n, c) = s + log p(c | prompt, prefix of n),    c a child of n,

and the best `M_l` candidates of all beams together are the next beams. Scores
are log-probabilities of the model as it is, restricted to the catalogue and not
renormalised. Ties go to the better-ranked parent, then to the smaller code, an
early end first: the search is deterministic. Only children of live nodes are
ever candidates, so that no beam can leave the catalogue, and a beam that runs
short says so instead of being filled up. What STATIC (arXiv 2602.22647) lacks:
scores, ID rows, a cache, a vocabulary per level, early ends, filters, and no
answer that is none.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.decoding.beams import (
  Beams,
  SearchResult,
  best_candidates,
  check_columns,
  level_widths,
  next_log_probs,
  root,
)
from gr_jax.decoding.filters import (
  Filters,
  RowMask,
  live_children,
  make_filters,
)
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.trie import Trie
from gr_jax.decoding.value_ranking import is_valued, rank_by_value

# Children up to which a search does not look further. A catalogue is wide near
# the root and almost a list of chains below, but a live one must be prepared
# for the widest node everywhere.
_FEW = 32


def beam_search(
  generator: Generator,
  variables: Any,
  prompt: Any,
  trie: Trie,
  *,
  beam_size: int | Sequence[int],
  excluded: jax.Array | None = None,
  allowed: jax.Array | RowMask | None = None,
) -> SearchResult:
  """The IDs of the catalogue that the beam finds most probable.

  Args:
    generator: the model.
    variables: its parameters, and whatever else it reads.
    prompt: `B` requests, in the form that `generator.prefill` takes.
    trie: the catalogue.
    beam_size: beams kept, one number or one per level.
    excluded: `[B, E]` int32 ID rows that a request must not get (seen items);
      -1 is padding, repeats count once.
    allowed: `[R]` or `[B, R]` bool over the rows of the trie's capacity, or
      the same packed by `filters.pack_rows`: the IDs that may be returned.

  Returns:
    `M` IDs per request, `M` the last beam size. IDs of probability zero are not
    returned. A generator that predicts values ranks them by these as well.

  Raises:
    ValueError: for beam sizes, filters or vocabularies that do not fit.
  """
  widths = level_widths(beam_size, trie.num_levels)
  filters = make_filters(trie, excluded, allowed)
  log_probs, cache = generator.prefill(variables, prompt)
  log_probs = log_probs[:, None]
  beams = root(log_probs.shape[0])
  for level, width in enumerate(widths):
    if level:
      log_probs, cache = next_log_probs(
        generator, variables, beams, cache, level=level
      )
    check_columns(log_probs, trie, level)
    beams = _extend(beams, log_probs, trie, level, width, filters)
  values = None
  if is_valued(generator):
    beams, values = rank_by_value(generator, variables, beams, cache)
  # A leaf's number is the row of its ID.
  ids = jnp.where(beams.live, beams.nodes, -1)
  return beams.result(ids, widths[-1], values)


def _extend(
  beams: Beams,
  log_probs: jax.Array,
  trie: Trie,
  level: int,
  width: int,
  filters: Filters,
) -> Beams:
  first, last = trie.children(level, beams.nodes)
  last = jnp.where(beams.live, last, first)
  branch = trie.branches[level]
  kept = min(width, first.shape[1] * branch)

  def look(columns: int):
    """The best children, where no beam has more than `columns` of them."""
    # Child k is node bounds[k]; children that a beam lacks are empty ranges.
    steps = jnp.arange(columns + 1)
    bounds = jnp.minimum(first[..., None] + steps, last[..., None])
    children = bounds[..., :-1]
    live = children < last[..., None]
    if filters.allowed is not None or filters.excluded is not None:
      live = live_children(filters, trie.first_rows(level + 1, bounds))
    codes = trie.child_codes(level, children)
    gain = jnp.take_along_axis(log_probs, codes, axis=-1, mode="clip")
    if trie.has_ends and level:
      gain = jnp.where(beams.ended[..., None], 0.0, gain)
    scores = jnp.where(live, beams.scores[..., None] + gain, -jnp.inf)
    return best_candidates(scores, kept)

  if branch <= _FEW:
    scores, parents, slots = look(branch)
  else:
    few = jnp.max(last - first) <= _FEW
    scores, parents, slots = jax.lax.cond(
      few, lambda: look(_FEW), lambda: look(branch)
    )
  nodes = jnp.take_along_axis(first, parents, axis=-1) + slots
  codes = trie.child_codes(level, nodes)
  codes = jnp.where(codes == trie.level_sizes[level], -1, codes)
  return beams.step(nodes, scores, codes, parents)
