"""The candidates that a run counted, for requests that came later.

What the sources counted stays as it was; new items join it as those do that a
server is given. Nothing that an update brings was counted, so its requests read
candidates as requests of now do. Of the run's own training requests the counts
hold the answers: they are not learned again [OURS].
"""

import dataclasses

import numpy as np

from experiments.updates.grown_log import RUN, GrownLog
from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.log import Log
from gr_jax.candidates.query_reader import typed_vectors
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.retrieval.load import Artefacts
from gr_jax.tokenizers.semantic_ids import SemanticIds


def candidates_of(
  parent: Artefacts,
  log: GrownLog,
  catalogue: Catalogue,
  semantic_ids: SemanticIds,
  vectors: np.ndarray,
) -> CandidateWriter | None:
  """The writer of the candidates of all requests; None without any.

  Args:
    parent: the version that is trained on.
    log: the log with what is new.
    catalogue: all items.
    semantic_ids: their IDs.
    vectors: theirs, `[N, D]`; of new ones nothing was counted.
  """
  known = parent.candidates
  if known is None:
    return None
  old = len(known.items)
  if len(catalogue) > old:
    facts = ItemFacts(
      catalogue.texts,
      catalogue.categories,
      catalogue.prices,
      np.concatenate([known.items.vectors, vectors[old:]]),
    )
    known = known.grown(facts, semantic_ids.codes)
  requests = log.requests
  queries: list[str] = requests.queries.tolist()
  rows = np.array([known.trained_row(query) for query in queries], np.int64)
  read = [
    query if row >= 0 else known.reader(query)
    for query, row in zip(queries, rows)
  ]
  width = known.items.vectors.shape[1]
  return known.writer.of(
    Log(
      # As a server reads requests, so that learning sees the same.
      dataclasses.replace(requests, queries=object_array(read)),
      _counted(log),
      rows,
      typed_vectors(known.query_vectors, queries, read, width),
    )
  )


def _counted(log: GrownLog) -> np.ndarray:
  """`[U]`, the event before which the run stopped counting each user."""
  requests = log.requests
  own = log.counted & (log.event_update == RUN)
  sizes = np.bincount(
    requests.event_user[own], minlength=len(requests.user_ids)
  )
  return requests.user_offsets[:-1] + sizes
