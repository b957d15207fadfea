"""What a sequence model expects next.

Two SASRec (`gr_jax.dense.sasrec`) are trained, each on half of the users, and
say for an item j and the newest items of a history, in the state h,

  log p_j = h . e_j - log(sum of exp(h . e_i) over all items i)

A training request reads the model that its user did not train: otherwise it
would read its own answer, and a network would learn to trust that. A request
after training reads the mean of both. The gap of an item is its log p less that
of the best item which the user has not yet. `[OURS]`: cross-fitting, as
stacked rankers do it (Wolpert 1992, "Stacked generalization").
"""

import functools
from collections.abc import Sequence
from typing import Any, Self

import jax
import numpy as np
from flax import traverse_util

from gr_jax.candidates.independent_rows import FEW
from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.pairs import Pairs, Proposed
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.source import Unmeasured
from gr_jax.data import row_lists
from gr_jax.data.batches import power_of_two
from gr_jax.data.row_lists import RowLists
from gr_jax.dense import sasrec, sasrec_training
from gr_jax.dense.sasrec import SASRec
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.training import scan_fit
from gr_jax.training.optimizer import OptimizerConfig

FOLDS = 2
LENGTH = 50
"""Newest items that are read."""
_BLOCK = 4  # Histories of a server that are read together.

NETWORK = TransformerConfig(
  layers=2, width=64, heads=2, kv_heads=2, head_size=32, feed_forward=176
)
_DROPOUT = 0.3
_VALIDATED = 1000  # Users of the other half, whose last item is asked for.
_LEAST = -20.0


class NextItem(Unmeasured):
  """The items that come next in sequences.

  Args:
    params: of `FOLDS` models; fold f was trained without the users of the rows
      `u % FOLDS == f`.
    num_items: `N`; the models may know fewer, the first ones.
    most: the number of items that are proposed to a request without a query.
  """

  names = ("next_log_prob", "next_gap", "next_place")

  def __init__(self, params: Sequence[Any], *, num_items: int, most: int = 48):
    self._params = tuple(params)
    self._num_items, self._most = num_items, most
    self._known = len(sasrec.item_table(self._params[0]))
    self._model = SASRec(NETWORK, self._known, _DROPOUT)

  def propose(self, batch: RequestBatch) -> Proposed | None:
    owners = np.flatnonzero(batch.queries < 0)
    owners = owners[(batch.ends > batch.starts)[batch.row(owners)]]
    if not len(owners):
      return None
    items = self._best(batch)[batch.row(owners)]
    score = np.broadcast_to(-np.arange(items.shape[1]), items.shape)
    who = np.broadcast_to(owners[:, None], items.shape)
    there = items >= 0
    return Proposed(who[there], items[there], score[there])

  def describe(self, batch: RequestBatch, pairs: Pairs) -> np.ndarray:
    scores, best = self._scores(batch), self._best(batch)
    row = batch.row(pairs.owners)
    score = scores[row, pairs.items]
    top = scores[np.arange(len(scores)), np.maximum(best[:, 0], 0)]
    place = np.full(scores.shape, best.shape[1], np.int32)
    rows, places = np.nonzero(best >= 0)
    place[rows, best[rows, places]] = places
    columns = score, score - top[row], -np.log1p(place[row, pairs.items])
    return np.stack(columns, axis=1).astype(np.float32)

  def _scores(self, batch: RequestBatch) -> np.ndarray:
    """`[B, N]` float32, `log p` of every item."""
    if "next_item" not in batch.kept:
      batch.kept["next_item"] = self._log_probs(batch)
    return batch.kept["next_item"]

  def _log_probs(self, batch: RequestBatch) -> np.ndarray:
    starts = np.maximum(batch.starts, batch.ends - LENGTH)
    histories = row_lists.from_spans(batch.event_item, starts, batch.ends)
    found = np.stack(
      [after(self._model, params, histories) for params in self._params]
    )
    training = batch.ends < batch.log.counted[batch.users]
    fold = batch.users % FOLDS
    own = found[fold, np.arange(len(starts))]
    mean = np.where(training[:, None], own, found.mean(axis=0))
    scores = np.maximum(mean, _LEAST)
    # Of an item that came later nothing is known.
    later = self._num_items - scores.shape[1]
    nothing = -np.log(self._num_items)
    return np.pad(scores, ((0, 0), (0, later)), constant_values=nothing)

  def _best(self, batch: RequestBatch) -> np.ndarray:
    """`[B, most]` known items that the user has not, best first, -1 = none."""
    if "next_item best" not in batch.kept:
      scores = self._scores(batch).copy()
      scores[:, self._known :] = -np.inf
      rows, items = batch.bought(self._num_items)
      scores[rows, items] = -np.inf
      most = min(self._most, scores.shape[1])
      found = np.argpartition(-scores, most - 1, axis=1)[:, :most]
      values = np.take_along_axis(scores, found, axis=1)
      order = np.argsort(-values, axis=1, kind="stable")
      found = np.take_along_axis(found, order, axis=1)
      values = np.take_along_axis(values, order, axis=1)
      batch.kept["next_item best"] = np.where(np.isfinite(values), found, -1)
    return batch.kept["next_item best"]

  def grown(self, items: ItemFacts) -> Self:
    """The models know nothing of the new items."""
    return type(self)(self._params, num_items=len(items), most=self._most)

  def state(self) -> dict[str, Any]:
    found: dict[str, Any] = {"most": self._most}
    for fold, params in enumerate(self._params):
      flat = traverse_util.flatten_dict(params, sep="/")
      found |= {f"{fold}/{path}": np.asarray(x) for path, x in flat.items()}
    return found

  @classmethod
  def restored(cls, state: dict[str, Any], items: ItemFacts) -> Self:
    params = []
    for fold in range(FOLDS):
      mine = {
        path.removeprefix(f"{fold}/"): value
        for path, value in state.items()
        if path.startswith(f"{fold}/")
      }
      params.append(traverse_util.unflatten_dict(mine, sep="/"))
    return cls(params, num_items=len(items), most=state["most"])


@functools.partial(jax.jit, static_argnums=0)
def log_probs(
  model: SASRec, params: Any, rows: jax.Array, count: jax.Array
) -> jax.Array:
  """`[B, N]` of all items after the first `count` `[B]` of `rows` `[B, T]`."""
  states = sasrec.encode(model, params, rows, count)
  return jax.nn.log_softmax(states @ sasrec.item_table(params).T)


def after(model: SASRec, params: Any, histories: RowLists) -> np.ndarray:
  """`[B, N]`, `log_probs` after each history.

  A server's few rows go in blocks of one size: those of a history are then the
  same to the last digit, whatever the others are.
  """
  rows, count = sasrec.newest_table(histories, LENGTH)
  few = len(count) <= FEW
  size = _BLOCK if few else power_of_two(len(count))
  missing = 0, -len(count) % size if len(count) else size
  rows, count = np.pad(rows, (missing, (0, 0))), np.pad(count, missing)
  found = [
    np.asarray(
      log_probs(model, params, rows[i : i + size], count[i : i + size])
    )
    for i in range(0, len(count), size)
  ]
  return np.concatenate(found)[: len(histories)]


def fit(
  sequences: RowLists,
  times: np.ndarray,
  *,
  num_items: int,
  steps: int,
  progress: scan_fit.Progress | None = None,
) -> NextItem:
  """Trains the models.

  Args:
    sequences: the training events of all users, oldest first.
    times: `[P]` of the events.
    num_items: `N`.
    steps: of each model; of four stages of its training, that is used which
      finds most of the last items of other users.
    progress: gets the losses of all steps, one model after the other.
  """
  owners = sequences.owners
  params = []
  for fold in range(FOLDS):

    def counted(
      step: int, metrics: dict[str, float], before: int = fold * steps
    ) -> None:
      if progress is not None:
        progress(before + step, metrics)

    learned = owners % FOLDS != fold
    others = row_lists.where(sequences, ~learned)
    model = SASRec(NETWORK, num_items, _DROPOUT)
    found, _ = sasrec_training.fit(
      model,
      row_lists.where(sequences, learned),
      times[learned],
      config=sasrec_training.SASRecConfig(
        length=LENGTH,
        steps=steps,
        seed=fold,
        optimizer=OptimizerConfig(learning_rate=3e-3, weight_decay=0.05),
      ),
      validate=functools.partial(_found_last, model, others),
      progress=counted,
    )
    params.append(jax.device_get(found))
  return NextItem(params, num_items=num_items)


def _found_last(model: SASRec, sequences: RowLists, params: Any) -> float:
  """Recall@10 of the last item of users who have two at least."""
  some = np.flatnonzero(sequences.sizes > 1)
  some = np.random.default_rng(0).permutation(some)[:_VALIDATED]
  last = sequences.offsets[some + 1] - 1
  histories = row_lists.from_spans(
    sequences.rows, sequences.offsets[some], last
  )
  scores = after(model, params, histories)
  wanted = sequences.rows[last]
  own = scores[np.arange(len(some)), wanted]
  return float(((scores > own[:, None]).sum(axis=1) < 10).mean())
