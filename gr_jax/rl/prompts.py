"""Prompts of alignment: logged requests in endless batches.

A request of the training period that led to a click or an order comes up once
an epoch, with the experts and positives that its own page gives.
"""

import dataclasses

import grain
import numpy as np
from flax import struct

from gr_jax.data.batches import epochs
from gr_jax.data.requests import CLICKED, EXPOSED, Requests
from gr_jax.generators.priors.left_out import FutureEvents, LeftOut
from gr_jax.generators.prompts.writer import Prompt, PromptWriter
from gr_jax.rl.experts import page_experts
from gr_jax.tokenizers.semantic_ids import SemanticIds


@struct.dataclass
class PromptBatch:
  """`B` requests.

  Attributes:
    rows: `[B]` int32 request rows, by which rewards look up their pages.
    prompt: `B` rows.
    queries: `[B, Wq]` tokens.
    experts: `[B, K]` int32 ID rows, -1 = none.
    positives: `[B, P]` int32 ID rows, -1 = none.
    left_out: what each row leaves out of the counts; None where the generator
      reads none.
  """

  rows: np.ndarray
  prompt: Prompt
  queries: np.ndarray
  experts: np.ndarray
  positives: np.ndarray
  left_out: LeftOut | None = None


@dataclasses.dataclass(frozen=True)
class PromptBatchConfig:
  """The size of a batch and what its requests bring along.

  Attributes:
    batch_size: the number of requests per step over all hosts, `B`.
    clicked: the most experts that were ordered or clicked.
    exposed: the most experts that were shown and nothing more.
    positives: the most IDs for the NLL term, the best of the page first.
    hidden_share: the share of requests whose profile and history are hidden.
    seed: the seed of order and draws.
  """

  batch_size: int = 64
  clicked: int = 2
  exposed: int = 0
  positives: int = 0
  hidden_share: float = 0.15
  seed: int = 0


def clicked_requests(requests: Requests, *, split: int) -> np.ndarray:
  """Request rows `[n]` of a split that led to a click or an order.

  Raises:
    ValueError: there is none.
  """
  request = requests.page_request
  rows = np.unique(request[requests.page_kind >= CLICKED])
  rows = rows[requests.split[rows] == split]
  if not len(rows):
    raise ValueError(
      f"no request of split {split} led to a click; there is nothing to align "
      "with."
    )
  return rows


def mixed_experts(
  requests: Requests, semantic_ids: SemanticIds, *, clicked: int, exposed: int
) -> np.ndarray:
  """ID rows `[R, clicked + exposed]` int32, see `experts.page_experts`."""
  liked = page_experts(requests, semantic_ids, count=clicked)
  shown = page_experts(
    requests, semantic_ids, count=exposed, lowest=EXPOSED, highest=EXPOSED
  )
  return np.concatenate((liked, shown), axis=1)


def prompt_batches(
  requests: Requests,
  rows: np.ndarray,
  writer: PromptWriter,
  semantic_ids: SemanticIds,
  *,
  config: PromptBatchConfig,
  future: FutureEvents | None = None,
) -> grain.IterDataset:
  """Endless batches of `rows`, shuffled anew every epoch, see `epochs`.

  They are the same on every host. The iterator's state is one position: saved
  with the parameters, alignment goes on at the exact next batch.

  Args:
    requests: with their pages.
    rows: request rows, of the training period.
    writer: the writer of the prompts.
    semantic_ids: the IDs of the catalogue.
    config: sizes.
    future: what rows leave out of the counts; None without counts.
  """
  experts = mixed_experts(
    requests, semantic_ids, clicked=config.clicked, exposed=config.exposed
  )
  positives = page_experts(requests, semantic_ids, count=config.positives)

  def write(places: np.ndarray, rng: np.random.Generator) -> PromptBatch:
    chosen = rows[places]
    shown = rng.random(len(chosen)) >= config.hidden_share
    return PromptBatch(
      rows=chosen.astype(np.int32),
      prompt=writer.prompts(chosen, shown=shown),
      queries=writer.queries(requests.query[chosen]),
      experts=experts[chosen],
      positives=positives[chosen],
      left_out=future and future(chosen),
    )

  return epochs(
    write, len(rows), batch_size=config.batch_size, seed=config.seed
  )
