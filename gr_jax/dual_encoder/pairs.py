"""Training pairs of a dual encoder: a request, its item, and negatives."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from gr_jax.data import row_lists
from gr_jax.data.requests import Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.generators.prompts.writer import Prompt, PromptWriter
from gr_jax.generators.training_examples.single import TargetGroups

Array = jax.Array | np.ndarray  # The host writes it, the device reads it.


@struct.dataclass
class PairBatch:
  """`B` pairs, with a leading axis of steps outside the scan.

  Attributes:
    prompt: the requests.
    words: `[B, Wq]` tokens of their queries.
    query: `[B]` rows of the query vectors, -1 = no query.
    group: `[B]`; requests of one group do not have each other's items as
      negatives.
    item: `[B]` catalogue rows.
    negatives: `[B, H]` catalogue rows, -1 = none.
  """

  prompt: Prompt
  words: Array
  query: Array
  group: Array
  item: Array
  negatives: Array


def mine_negatives(
  ranked: np.ndarray, wanted: RowLists, *, count: int
) -> np.ndarray:
  """The first `count` of every ranking that nobody wanted: `[R, count]`.

  DPR takes the first of BM25's. -1 fills up where a ranking is short.

  Args:
    ranked: `[R, K]` catalogue rows, best first, -1 = none.
    wanted: `R` lists, the items that each is known to lead to.
    count: `H`, at most `K`.
  """
  span = 1 + max(ranked.max(initial=0), wanted.rows.max(initial=0))
  places = np.arange(len(ranked))[:, None] * span + ranked
  known = np.isin(places, wanted.owners * span + wanted.rows)
  unusable = known | (ranked < 0)
  order = np.argsort(unusable, axis=1, kind="stable")[:, :count]
  kept = np.take_along_axis(ranked, order, axis=1)
  return np.where(np.take_along_axis(unusable, order, axis=1), -1, kept)


def wanted_by_query(pairs: TargetGroups, requests: Requests) -> RowLists:
  """The items of all training pairs, by query row."""
  query = requests.query[pairs.request]
  order = np.argsort(query, kind="stable")
  order = order[query[order] >= 0]
  counts = np.bincount(query[order], minlength=len(requests.queries))
  offsets = np.concatenate(([0], np.cumsum(counts)))
  return row_lists.distinct(RowLists(offsets, pairs.item[order]))


def negative_mask(batch: PairBatch) -> jax.Array:
  """A mask `[B, B + B H]` of the candidates that are negatives of a request.

  Candidates are the items of the batch and all its mined negatives. Not
  negatives are the wanted item itself and the items of the same group: those of
  others with the same query, or a basket's other items `[OURS]`.
  """
  candidates = jnp.concatenate((batch.item, batch.negatives.reshape(-1)))
  mask = (candidates >= 0) & (candidates != batch.item[:, None])
  same = batch.group[:, None] == batch.group
  return mask & ~jnp.pad(same, ((0, 0), (0, mask.shape[1] - same.shape[1])))


@dataclasses.dataclass(frozen=True)
class PairWriter:
  """Writes batches of training pairs.

  Attributes:
    requests: the table.
    pairs: pairs of the training split.
    prompts: writes prompts and queries.
    negatives: `[Q, H]` by query row; a request without query has none.
    hidden_share: share of requests with a query whose profile and history are
      hidden, so that those of strangers are learned too.
  """

  requests: Requests
  pairs: TargetGroups
  prompts: PromptWriter
  negatives: np.ndarray
  hidden_share: float = 0.5

  def draw(self, size: int, rng: np.random.Generator) -> PairBatch:
    """`size` random pairs, all pairs equally often."""
    chosen = rng.integers(0, len(self.pairs.request), size)
    request = self.pairs.request[chosen]
    query = self.requests.query[request]
    # Without a query there is only the history to go by.
    shown = (rng.random(size) >= self.hidden_share) | (query < 0)
    negatives = np.full((size, self.negatives.shape[1]), -1, np.int32)
    negatives[query >= 0] = self.negatives[query[query >= 0]]
    alone = len(self.requests.queries) + request
    return PairBatch(
      prompt=self.prompts.prompts(request, shown=shown),
      words=self.prompts.queries(query),
      query=query,
      group=np.where(query >= 0, query, alone).astype(np.int32),
      item=self.pairs.item[chosen].astype(np.int32),
      negatives=negatives,
    )
