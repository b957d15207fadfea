"""A whole retrieval, from 64 tokens to 50 IDs: the library's own side.

The peer is `transformers`' `generate` with beams and a dictionary trie in
`prefix_allowed_tokens_fn`, on the same weights, prompts and IDs. Much of what
it loses is that it repeats a prompt once per beam before it reads it; an engine
that shares prefixes between beams would not, and none is measured here.
"""

import time

import jax
import numpy as np

from tools.benchmarks.contender import (
  LIBRARY_START,
  Bar,
  Contender,
  Limit,
  Run,
  Section,
)
from tools.benchmarks.search_model import (
  make_generator,
  make_sizes,
  prompts,
)
from tools.benchmarks.trie import compiled_searches

SIZES = {
  "ids": 100_000,
  "level_sizes": [256, 256, 256, 256],
  "prompt": 64,
  "prompt_size": 1000,
  "beam": 50,
  "layers": 4,
  "width": 256,
  "heads": 4,
  "kv_heads": 2,
  "feed_forward": 704,
}
_DTYPES = ("bfloat16", "float32")


def section(
  *, sizes=SIZES, batches=(1, 8, 32), queries: int = 128, peer_queries: int = 8
) -> Section:
  """Ours and `generate` per batch and type; the two answers side by side."""
  here, peer = "tools.benchmarks.search", "tools.benchmarks.qwen2"
  needs = ("torch", "transformers")
  contenders, bars, limits = [], [], []
  for batch in batches:
    answered = max(batch, peer_queries)
    for dtype in _DTYPES:
      shared = {"dtype": dtype, "batch": batch}
      options = sizes | shared
      contenders += [
        Contender(
          "gr_jax",
          f"{here}:make",
          options,
          units=max(batch, queries),
          setup=LIBRARY_START,
          **shared,
        ),
        Contender(
          "qwen2 generate",
          f"{peer}:make_retrieval",
          options,
          units=answered,
          needs=needs,
          **shared,
        ),
      ]
      label = f"{dtype} {batch}"
      bars.append(
        Bar(
          f"gr_jax {label}", f"qwen2 generate {label}", 15 if batch == 1 else 25
        )
      )
    limits.append(Limit(f"gr_jax bfloat16 {batch}", "cpu_seconds", 0.006))
  inside = Contender(
    "gr_jax with and without IDs",
    f"{here}:make_both_searches",
    sizes | {"batch": 1},
    units=queries,
    setup=LIBRARY_START,
  )
  same = Contender(
    "gr_jax and qwen2 answers",
    f"{here}:make_answers",
    sizes,
    units=peer_queries,
    needs=needs,
    setup=LIBRARY_START,
  )
  limits.append(Limit(inside.label, "constrained_over_unconstrained", 1.05))
  limits.append(Limit(same.label, "different_places", 0))
  title = (
    f"retrieval, {sizes['layers']} layers of {sizes['width']}, prompt "
    f"{sizes['prompt']}, beam {sizes['beam']}, {len(sizes['level_sizes'])} "
    f"levels, {sizes['ids']:,} IDs"
  )
  return Section(
    "search",
    title,
    "query",
    "queries",
    (*contenders, inside, same),
    tuple(bars),
    tuple(limits),
  )


def make(*, units, batch, dtype, **sizes) -> Run:
  """Answers `units` queries, `batch` at a time."""
  sizes = make_sizes(sizes)
  given = make_generator(sizes, dtype=dtype)
  search, _ = compiled_searches(
    given.model, levels=len(sizes.level_sizes), beam=sizes.beam
  )
  tokens = prompts(sizes, units)

  def run():
    for start in range(0, units, batch):
      prompt = given.prompt(tokens[start : start + batch])
      found = jax.device_get(search(given.params, prompt, given.trie))
    return {"found": int((found.ids >= 0).sum()) / batch}

  return run


def make_both_searches(*, units, batch, **sizes) -> Run:
  """The search in the catalogue and the same without one, in turns."""
  sizes = make_sizes(sizes)
  given = make_generator(sizes, dtype="bfloat16")
  search, unconstrained = compiled_searches(
    given.model, levels=len(sizes.level_sizes), beam=sizes.beam
  )
  tokens = prompts(sizes, units)

  def seconds(function, *arguments) -> float:
    start = time.process_time()
    jax.block_until_ready(function(*arguments))
    return time.process_time() - start

  def run():
    turns = []
    for start in range(0, units, batch):
      prompt = given.prompt(tokens[start : start + batch])
      turns.append(
        (
          seconds(search, given.params, prompt, given.trie),
          seconds(unconstrained, given.params, prompt),
        )
      )
    inside, without = np.median(turns, axis=0)
    return {"constrained_over_unconstrained": inside / without}

  return run


def make_answers(*, units, **sizes) -> Run:
  """Compares the ordered answers to `units` queries in float32.

  Raises:
    ValueError: from a run whose answers differ, with the first query that does.
  """
  # Only here, so that the comparison can be had without the peer.
  import torch

  from tools.benchmarks.qwen2 import make_search

  sizes = make_sizes(sizes)
  given = make_generator(sizes, dtype="float32")
  search, _ = compiled_searches(
    given.model, levels=len(sizes.level_sizes), beam=sizes.beam
  )
  theirs = make_search(sizes, torch.float32)
  tokens = prompts(sizes, units)

  def run():
    ours = jax.device_get(
      search(given.params, given.prompt(tokens), given.trie)
    )
    codes, scores = theirs(tokens)
    return compared(ours.codes, ours.log_probs, codes, scores)

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
