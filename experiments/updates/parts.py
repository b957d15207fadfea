"""The generator of an update: the parent's parameters, what it reads now.

The vocabulary stays: users are hashed, and a word that no query of the training
had is read as a known one, as at serving. Popularity is counted on: what is
learned joins the counts that the network reads, so that a new item has a share
before any gradient knows it. Candidates, the buckets of values with their
means, and how much values count in a search stay as the run fitted them: a
predicted value means the same in all versions, and values that have drifted
need a new run.
"""

import dataclasses
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.updates.candidates import candidates_of
from experiments.updates.grown_log import GrownLog
from gr_jax.data.batches import power_of_two
from gr_jax.data.catalogue import Catalogue
from gr_jax.generators.build import Network, build_generator
from gr_jax.generators.priors.left_out import LeftOut
from gr_jax.generators.reading import AnyWriter, make_writer, reads_text
from gr_jax.retrieval.load import Artefacts, count_variables
from gr_jax.tokenizers.semantic_ids import SemanticIds


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
  """What learning and measuring read.

  Attributes:
    parent: the version that is trained on.
    section: its generator's section of the config.
    log: the log with what is new.
    catalogue: all items; popularity counts what this update learns.
    popularity: `[N]`, that of the parent.
    semantic_ids: the IDs of all items.
    model: the network.
    writer: the writer of prompts.
  """

  parent: Artefacts
  section: ConfigDict
  log: GrownLog
  catalogue: Catalogue
  popularity: np.ndarray
  semantic_ids: SemanticIds
  model: Network
  writer: AnyWriter

  def counts(self, *, whole: bool) -> dict[str, Any]:
    """What the model reads and nobody trains.

    `{"counts": ...}`, as counted for this update or, not whole, before it, and
    what else the parent has, such as the buckets of values.
    """
    popularity = self.catalogue.popularity if whole else self.popularity
    kept = {k: v for k, v in self.parent.params.items() if k != "params"}
    return kept | count_variables(
      self.semantic_ids, popularity, self.parent.count_alpha, None
    )


def check_trainable(section: dict[str, Any]) -> None:
  """Finds a generator that online updates do not train.

  Raises:
    ValueError: names what it is.
  """
  found = {
    "transitions": section.get("transitions", {}).get("neighbours", 0) > 0,
    "a pretrained network": reads_text(section),
    "whole pages (task=page_wise)": section.get("task") == "page_wise",
  }
  for name, there in found.items():
    if there:
      raise ValueError(
        f"the generator of this run has {name}, which online updates do not "
        "train on: train a run without, or run it anew on all data."
      )


def make_parts(
  parent: Artefacts,
  log: GrownLog,
  catalogue: Catalogue,
  semantic_ids: SemanticIds,
  vectors: np.ndarray,
) -> Parts:
  """The generator of an update.

  Args:
    parent: the version that is trained on.
    log: the log with what is new.
    catalogue: all items; its popularity is not read.
    semantic_ids: the IDs of all items.
    vectors: `[N, D]` of all items.
  """
  section = ConfigDict(parent.manifests["generator"]["section"])
  before = np.zeros(len(catalogue), np.int64)
  before[: len(parent.catalogue)] = parent.catalogue.popularity
  learned, known = (
    log.popularity(len(catalogue), whole=whole) for whole in (True, False)
  )
  candidates = candidates_of(parent, log, catalogue, semantic_ids, vectors)
  return Parts(
    parent,
    section,
    log,
    dataclasses.replace(catalogue, popularity=before + learned - known),
    before,
    semantic_ids,
    build_generator(
      section,
      vocabulary=parent.vocabulary,
      semantic_ids=semantic_ids,
      candidate_features=len(candidates.names) if candidates else 0,
    ),
    make_writer(
      log.requests, semantic_ids, parent.vocabulary, parent.prompt, candidates
    ),
  )


class CountedFuture:
  """What a training row leaves out of counts that go on through updates.

  As `FutureEvents`, whose users were counted up to one event each; here
  `counted` says it of every event.

  Args:
    log: the log.
    id_of_item: `[N]`, the row of each item in the table of IDs.
  """

  def __init__(self, log: GrownLog, id_of_item: np.ndarray):
    self._requests = log.requests
    ids = id_of_item[log.requests.event_item].astype(np.int32)
    self._ids = np.where(log.counted, ids, -1)
    sizes = np.diff(log.requests.user_offsets)
    # Users buy on: few shapes, so that few updates compile.
    self._num_events = power_of_two(int(sizes.max(initial=1)))

  def __call__(self, rows: np.ndarray) -> LeftOut:
    """What requests `[B]` leave out."""
    requests = self._requests
    end = requests.user_offsets[requests.user[rows] + 1][:, None]
    events = requests.history_end[rows][:, None] + np.arange(self._num_events)
    there = events < end
    ids = self._ids[np.where(there, events, 0)]
    return LeftOut(np.where(there, ids, -1))


def future_of(parts: Parts) -> CountedFuture | None:
  """What training rows leave out; None where nothing is counted."""
  if not parts.parent.count_alpha:
    return None
  return CountedFuture(parts.log, parts.semantic_ids.id_of_item)
