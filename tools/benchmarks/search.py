"""A whole retrieval, from 64 tokens to 50 IDs: the library's own side.

The peer is `transformers`' `generate` with beams and a dictionary trie in
`prefix_allowed_tokens_fn`, on the same weights, prompts and IDs. Much of what
it loses is that it repeats a prompt once per beam before it reads it; an engine
that shares prefixes between beams would not, and none is measured here.
"""

import jax
import numpy as np

from tools.benchmarks.contender import (
  DTYPES,
  Bar,
  Contender,
  Limit,
  Run,
  Section,
)
from tools.benchmarks.generator import Sizes
from tools.benchmarks.search_model import make_searches
from tools.benchmarks.trie import cpu_seconds

SIZES = Sizes(1000, level_sizes=(256, 256, 256, 256))


def section(
  *,
  sizes: Sizes = SIZES,
  batches=(1, 8, 32),
  queries: int = 128,
  peer_queries: int = 8,
) -> Section:
  """Ours and `generate` per batch and type; the two answers side by side."""
  here, needs = "tools.benchmarks", ("torch", "transformers")
  pairs = [(batch, dtype) for batch in batches for dtype in DTYPES]
  contenders = [
    Contender(
      name,
      f"{here}.{make}",
      {"sizes": sizes, "batch": batch, "dtype": dtype},
      units=max(batch, answered),
      needs=packages,
    )
    for batch, dtype in pairs
    for name, make, answered, packages in (
      ("gr_jax", "search:make", queries, ()),
      ("qwen2 generate", "qwen2:make_retrieval", peer_queries, needs),
    )
  ]
  inside = Contender(
    "gr_jax with and without IDs",
    f"{here}.search:make_both_searches",
    {"sizes": sizes, "batch": 1},
    units=queries,
  )
  same = Contender(
    "gr_jax and qwen2 answers",
    f"{here}.search:make_answers",
    {"sizes": sizes},
    units=peer_queries,
    needs=needs,
  )
  bars = tuple(
    Bar(
      f"gr_jax {dtype} {batch}",
      f"qwen2 generate {dtype} {batch}",
      15 if batch == 1 else 25,
    )
    for batch, dtype in pairs
  )
  limits = (
    *(Limit(f"gr_jax bfloat16 {x}", "cpu_seconds", 0.006) for x in batches),
    Limit(inside.label, "constrained_over_unconstrained", 1.05),
    Limit(same.label, "different_places", 0),
  )
  title = (
    f"retrieval, {sizes.title}, prompt {sizes.history}, beam {sizes.beam}, "
    f"{len(sizes.level_sizes)} levels, {sizes.ids:,} IDs"
  )
  programs = (*contenders, inside, same)
  return Section("search", title, "query", "queries", programs, bars, limits)


def make(*, units: int, batch: int, dtype: str, sizes: Sizes) -> Run:
  """Answers `units` queries, `batch` at a time."""
  search, _ = make_searches(sizes, dtype=dtype)
  tokens = sizes.tokens(units, sizes.history)

  def run():
    for start in range(0, units, batch):
      found = jax.device_get(search(tokens[start : start + batch]))
    return {"found": int((found.ids >= 0).sum()) / batch}

  return run


def make_both_searches(*, units: int, batch: int, sizes: Sizes) -> Run:
  """The search in the catalogue and the same without one, in turns."""
  searches = make_searches(sizes, dtype="bfloat16")
  tokens = sizes.tokens(units, sizes.history)

  def run():
    turns = [
      [
        cpu_seconds(search, tokens[start : start + batch])
        for search in searches
      ]
      for start in range(0, units, batch)
    ]
    inside, without = np.median(turns, axis=0)
    return {"constrained_over_unconstrained": inside / without}

  return run


def make_answers(*, units: int, sizes: Sizes) -> Run:
  """Compares the ordered answers to `units` queries in float32.

  Raises:
    ValueError: from a run whose answers differ, with the first query that does.
  """
  # Only here, so that the comparison can be had without the peer.
  import torch

  from tools.benchmarks.qwen2 import make_search

  ours, _ = make_searches(sizes, dtype="float32")
  theirs = make_search(sizes, torch.float32)
  tokens = sizes.tokens(units, sizes.history)

  def run():
    found = jax.device_get(ours(tokens))
    return compared(found.codes, found.log_probs, *theirs(tokens))

  return run


def compared(
  codes: np.ndarray,
  scores: np.ndarray,
  their_codes: np.ndarray,
  their_scores: np.ndarray,
) -> dict[str, float]:
  """Places with another ID, of `[Q, M, L]`, and the largest gap of scores.

  Raises:
    ValueError: where an ID differs.
  """
  different = (codes != their_codes).any(axis=-1)
  if different.any():
    query, place = (int(x) for x in np.argwhere(different)[0])
    raise ValueError(
      f"{int(different.sum())} of {different.size} places differ, the first at "
      f"query {query}, place {place}: {codes[query, place].tolist()} at "
      f"{scores[query, place]:.6f} here, "
      f"{their_codes[query, place].tolist()} at "
      f"{their_scores[query, place]:.6f} there."
    )
  gap = np.abs(scores - their_scores).max()
  return {"different_places": 0, "largest_gap": float(gap)}
