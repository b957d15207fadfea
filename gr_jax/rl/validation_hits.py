"""Validation of an alignment: how often a search finds what was clicked."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from gr_jax.data import request_lists
from gr_jax.data.batches import padded_batches
from gr_jax.data.requests import Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.trie import Trie
from gr_jax.evaluation import metrics
from gr_jax.generators.placement import place_for_search, search_shardings
from gr_jax.generators.prompts.writer import Prompt, PromptWriter
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import batch_parts, batch_sharding, replicated
from gr_jax.rl.prompts import clicked_requests
from gr_jax.tokenizers.semantic_ids import SemanticIds

# From variables to `{"eval/hit_rate@10": ...}`.
ValidationHits = Callable[[Any], dict[str, float]]


@dataclasses.dataclass(frozen=True, eq=False)
class ValidationRequests:
  """Requests and the IDs that they should find.

  Attributes:
    prompt: `R` rows.
    queries: `[R, Wq]` tokens.
    targets: the ID rows per request that were clicked or ordered.
  """

  prompt: Prompt
  queries: np.ndarray
  targets: RowLists


def validation_requests(
  requests: Requests,
  writer: PromptWriter,
  semantic_ids: SemanticIds,
  *,
  split: int,
  count: int,
  seed: int,
) -> ValidationRequests:
  """Up to `count` random requests of a split that led to a click; 0 = all.

  Raises:
    ValueError: there is none.
  """
  rows = clicked_requests(requests, split=split)
  rng = np.random.default_rng(seed)
  rows = request_lists.sample(rows, count=count, rng=rng)
  targets = request_lists.targets(requests, rows)
  return ValidationRequests(
    prompt=writer.prompts(rows, shown=np.ones(len(rows), bool)),
    queries=writer.queries(requests.query[rows]),
    targets=RowLists(targets.offsets, semantic_ids.id_of_item[targets.rows]),
  )


def make_validation_hits(
  generator: Generator,
  trie: Trie,
  requests: ValidationRequests,
  *,
  batch_size: int,
  cutoffs: tuple[int, ...] = (1, 10),
  mesh: Mesh | None = None,
) -> ValidationHits:
  """Hit rates of IDs at `cutoffs`, all from one search of the widest.

  Hosts share the requests, and each gets the hit rates of all.

  Args:
    generator: the model.
    trie: the catalogue.
    requests: the requests, one at least.
    batch_size: the number of requests searched at a time; on a mesh at least,
      as its devices share a batch evenly.
    cutoffs: the places that are looked at.
    mesh: the devices that search, inside `jax.set_mesh`; None = the one that
      has the variables. Of several hosts each searches by itself.
  """
  widest = max(cutoffs)
  if mesh is not None:
    batch_size = -(-batch_size // batch_parts(mesh)) * batch_parts(mesh)
    trie = jax.device_put(trie, replicated(mesh))

  @jax.jit
  def search(variables, prompt, trie):
    return beam_search(generator, variables, prompt, trie, beam_size=widest).ids

  def validation(variables: Any) -> dict[str, float]:
    if mesh is not None:
      shardings = search_shardings(generator, variables, mesh)
      variables = place_for_search(variables, mesh, shardings)

    def find(prompts: tuple[Prompt, np.ndarray]) -> np.ndarray:
      batches = padded_batches(prompts, batch_size)
      if mesh is not None:
        batches = (
          jax.device_put(batch, batch_sharding(mesh)) for batch in batches
        )
      found = [search(variables, batch, trie) for batch in batches]
      return np.concatenate(jax.device_get(found))[: len(prompts[1])]

    ids = hosts.rows_by_all(find, (requests.prompt, requests.queries))
    hits = metrics.hit_matrix(ids, requests.targets)
    return {
      f"eval/hit_rate@{k}": float(metrics.hit_rate(hits, k=k).mean())
      for k in cutoffs
    }

  return validation
