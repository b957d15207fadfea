"""How often a search finds what was clicked, on requests kept for it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from gr_jax.data.batches import padded_batches
from gr_jax.data.row_lists import RowLists
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.trie import Trie
from gr_jax.evaluation import metrics
from gr_jax.generators.prompts.writer import Prompt

# From variables to `{"eval/hit_rate@10": ...}`.
ValidationHits = Callable[[Any], dict[str, float]]


@dataclasses.dataclass(frozen=True, eq=False)
class ValidationRequests:
  """Requests and what they should find.

  Attributes:
    prompt: of `R` rows.
    queries: `[R, Wq]` tokens.
    targets: per request, ID rows that were clicked or ordered.
  """

  prompt: Prompt
  queries: np.ndarray
  targets: RowLists


def make_validation_hits(
  generator: Generator,
  trie: Trie,
  asked: ValidationRequests,
  *,
  batch_size: int,
  cutoffs: tuple[int, ...] = (1, 10),
) -> ValidationHits:
  """Hit rates of IDs at `cutoffs`, of one search of the widest.

  Args:
    generator: the policy, of prompts `(prompt, queries)`.
    trie: the catalogue.
    asked: at least one request.
    batch_size: requests per search.
    cutoffs: ranks.
  """
  widest = max(cutoffs)

  @jax.jit
  def search(variables, prompt, trie):
    return beam_search(generator, variables, prompt, trie, beam_size=widest).ids

  def validation(variables: Any) -> dict[str, float]:
    prompts = padded_batches((asked.prompt, asked.queries), batch_size)
    found = [search(variables, prompt, trie) for prompt in prompts]
    ids = np.concatenate(jax.device_get(found))[: len(asked.queries)]
    hits = metrics.hit_matrix(ids, asked.targets)
    return {
      f"eval/hit_rate@{k}": float(metrics.hit_rate(hits, k=k).mean())
      for k in cutoffs
    }

  return validation
