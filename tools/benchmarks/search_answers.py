"""Whether both sides of the retrieval benchmark give the same answer."""

import jax
import jax.numpy as jnp
import numpy as np

from tools.benchmarks.contender import Run
from tools.benchmarks.search_data import make_sizes, prompts
from tools.benchmarks.search_model import compiled_search, make_generator


def make(*, units, **sizes) -> Run:
  """Compares the ordered answers to `units` queries in float32.

  Raises:
    ValueError: from a run whose answers differ, with the first query that does.
  """
  # Only here, so that the comparison can be had without the peer.
  import torch

  from tools.benchmarks.search_qwen2 import make_search

  sizes = make_sizes(sizes)
  given = make_generator(
    sizes, dot_general=jax.lax.dot_general, dtype=jnp.float32
  )
  search = compiled_search(given, sizes.beam)
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
