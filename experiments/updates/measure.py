"""How a version does on slices of the log, request by request."""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np

from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.searches import Searches
from experiments.updates.grown_log import RUN
from experiments.updates.parts import Parts
from gr_jax.data import request_lists
from gr_jax.data.batches import padded_batches
from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.evaluation import metrics, worth
from gr_jax.objectives.next_token import token_losses
from gr_jax.retrieval.retriever import Retriever

K = 10
"""Answers that a request is judged by."""

OTHERS = 7
"""Targets of other requests that its own is compared with."""

_ROWS = 32


@dataclasses.dataclass(frozen=True, eq=False)
class Slice:
  """Requests that versions are compared on.

  Attributes:
    kinds: those with a query and those without, as a server answers them: user
      and history are shown.
    rows: `[R]` rows of the log, in the order of `kinds`.
    users: `[R]`.
  """

  kinds: list[EvalRequests]
  rows: np.ndarray
  users: np.ndarray

  def __len__(self) -> int:
    return len(self.rows)


def make_slice(
  parts: Parts, where: np.ndarray, *, count: int, seed: int
) -> Slice:
  """Up to `count` requests with a target, of those `[R]` bool `where`."""
  table = parts.log.requests
  rows = np.flatnonzero(where)
  rows = rows[request_lists.targets(table, rows).sizes > 0]
  rng = np.random.default_rng(seed)
  rows = np.sort(request_lists.sample(rows, count=count, rng=rng))
  searched = table.query[rows] >= 0
  kinds = [
    EvalRequests(kind, table, some, len(some))
    for kind, some in (
      ("personalised", rows[searched]),
      ("next_basket", rows[~searched]),
    )
    if len(some)
  ]
  rows = np.concatenate([rows[:0], *(kind.rows for kind in kinds)])
  return Slice(kinds, rows, table.user[rows])


def slices_of(parts: Parts, *, count: int, seed: int) -> dict[str, Slice]:
  """The slices of an update.

  old       validation requests of the run, else its test requests
  learned   where it has neither, those that it learned
  newest    what this update holds out
  arrived   all that is new
  """
  log = parts.log
  own = {
    split: (log.request_update == RUN) & (log.requests.split == split)
    for split in (VALID, TEST, TRAIN)
  }
  held_out = next((s for s in (VALID, TEST) if own[s].any()), None)
  if held_out is None:
    where = {"learned": own[TRAIN]}
  else:
    where = {"old": own[held_out]}
  where |= {"newest": log.newest & log.held_out, "arrived": log.newest}
  return {
    name: make_slice(parts, some, count=count, seed=seed)
    for name, some in where.items()
  }


class Measure:
  """Searches and losses of any parameters over one catalogue.

  Args:
    parts: the generator; all versions are measured on its catalogue, where the
      parent knows the new items as a server knows them that got them.
  """

  def __init__(self, parts: Parts):
    self._parts = parts
    self._retriever: Retriever | None = None

  def variables(self, params: Any, *, whole: bool) -> Any:
    """Everything that the model reads; see `Parts.counts`."""
    return params | self._parts.counts(whole=whole)

  def answers(self, variables: Any, part: Slice) -> np.ndarray:
    """`[R, 2]`: 1 where a target is among the first `K` answers, and its value.

    The value is what all targets among the answers were worth in the log.
    """
    parts, found = self._parts, [np.zeros((0, 2))]
    if not len(part):
      return found[0]
    if self._retriever is None:
      self._retriever = Retriever(
        parts.model, variables, parts.semantic_ids, batch_size=_ROWS
      )
    searches = Searches(
      {"": self._retriever.with_variables(variables)},
      parts.writer,
      parts.semantic_ids,
      parts.popularity,
    )
    beam = min(K, parts.semantic_ids.num_ids)
    for kind in part.kinds:
      hidden = kind.hidden("kept")
      _, items = searches.items("", kind, beam=beam, hidden=hidden)
      relevant = kind.relevant(hidden)
      hits = metrics.hit_rate(metrics.hit_matrix(items, relevant), k=K)
      paid = worth.found_in_log(items[:, :K], kind.table, kind.rows)
      found.append(np.stack([hits, paid], axis=1))
    return np.concatenate(found)

  def losses(self, variables: Any, part: Slice, *, seed: int) -> np.ndarray:
    """`[R, 2]` nats of a request's first target, and of others' on average.

    The second is the mean over targets that `OTHERS` permutations of the slice
    give it: what an answer costs that has nothing to do with the request.
    """
    parts = self._parts
    if not len(part):
      return np.zeros((0, 2))
    table = parts.log.requests
    targets = request_lists.targets(table, part.rows)
    first = targets.rows[targets.offsets[:-1]]
    chosen = np.stack([first, *_of_others(first, seed)], axis=1)
    prompt = parts.writer.prompts(part.rows, shown=np.ones(len(part), bool))
    queries = parts.writer.queries(table.query[part.rows])
    queries = np.repeat(queries[:, None], 1 + OTHERS, axis=1)
    rows = prompt, queries, parts.semantic_ids.codes[chosen]
    found = [
      _losses(parts.model, variables, *batch)
      for batch in padded_batches(rows, _ROWS)
    ]
    losses = np.concatenate(jax.device_get(found))[: len(part)]
    return np.stack([losses[:, 0], losses[:, 1:].mean(axis=1)], axis=1)


def _of_others(targets: np.ndarray, seed: int) -> list[np.ndarray]:
  """Permutations `[R]` of the targets, none of which leaves one in place."""
  order = np.random.default_rng(seed).permutation(len(targets))
  found = []
  for gap in range(1, 1 + OTHERS):
    other = np.empty_like(targets)
    other[order] = targets[np.roll(order, gap)]
    found.append(other)
  return found


@functools.partial(jax.jit, static_argnums=0)
def _losses(model, variables, prompt, queries, codes) -> jax.Array:
  """`[B, P]`, the sum over levels of `-log p(code)`."""
  logits = model.apply(variables, prompt, queries, codes)
  total, ended = 0.0, codes[..., 0] < 0
  for level, level_logits in enumerate(logits):
    ends = codes[..., level] < 0
    last = level_logits.shape[-1] - 1
    targets = jax.numpy.where(ends, last, codes[..., level])
    total += token_losses(level_logits, targets, where=~ended)
    ended |= ends
  return total
