"""How much of a network's scores is used beside its candidates.

Training lowers the loss over all codes; places among the first ten may get
worse meanwhile, where candidates know what a request wants. So the network's
part of a generator, its scores and its gates of candidates, is used with the
share of the highest recall@10 on validation requests, the mean over their
kinds. The bias of all weights, which moved meanwhile, moves back as far: a
share of 0 leaves the candidates as they were fitted. `[OURS]`
"""

import pathlib
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from flax import traverse_util

from experiments.pipeline.candidate_fit import kept_prior
from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.untrained import Untrained
from gr_jax.artefacts import write_json
from gr_jax.data.requests import VALID
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import metrics
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.parallel import hosts
from gr_jax.retrieval.retriever import Retriever

# The file beside a generator that reads candidates: `choose`'s figures.
NETWORK_SHARE = "network_share.json"

SHARES = (1.0, 0.5, 0.25, 0.0)
_CUTOFF, _BEAM, _BATCH = 10, 50, 16


def with_share(params: Any, share: float, *, bias: Any) -> Any:
  """Parameters of which the network says `share` as much.

  Args:
    params: trained.
    share: by which the network's trust and, of candidates, its gates are
      multiplied; the bias of candidates is `share` of the way from `bias`.
    bias: of the candidates as they were fitted.
  """

  def scaled(path: tuple[str, ...], value: Any) -> Any:
    if "candidates" in path and path[-1] == "bias":
      return bias + share * (value - bias)
    of_gates = "candidates" in path and path[-1] in ("gate", "gate_bias")
    return share * value if path[-1] == "trust" or of_gates else value

  return traverse_util.path_aware_map(scaled, params)


class ValidationRequests(NamedTuple):
  """Requests of one kind, as a retriever reads them.

  Attributes:
    kind: their kind.
    prompt: of `R` requests.
    queries: `[R, Wq]` tokens.
    wanted: the IDs of the targets of each.
  """

  kind: str
  prompt: Prompt
  queries: np.ndarray
  wanted: RowLists


def validation_requests(
  parts: Untrained, *, count: int
) -> list[ValidationRequests]:
  """Up to `count` validation requests of each kind; none without any."""
  drawn = draw_eval_requests(
    parts.data.requests, split=VALID, count=count, seed=parts.section.seed
  )
  found = []
  for some in drawn:
    wanted = some.relevant(some.hidden("kept"))
    ids = RowLists(wanted.offsets, parts.semantic_ids.id_of_item[wanted.rows])
    prompt, queries = some.prompts(parts.writer)
    found.append(ValidationRequests(some.kind, prompt, queries, ids))
  return found


def recalls(
  retriever: Retriever, requests: Sequence[ValidationRequests]
) -> dict[str, float]:
  """Recall@10 of IDs by kind of request, seen items kept."""
  beam = min(_BEAM, retriever.semantic_ids.num_ids)
  found = {}
  for some in requests:
    ranked = retriever.search(some.prompt, some.queries, beam_size=beam)
    values = metrics.request_metrics(
      ranked.ids, some.wanted, cutoffs=(_CUTOFF,)
    )[:, metrics.METRICS.index("recall"), 0]
    found[some.kind] = float(np.nanmean(values))
  return found


def choose(
  parts: Untrained,
  params: Any,
  counts: Any,
  *,
  bias: Any,
  count: int,
  shares: Sequence[float] = SHARES,
) -> tuple[float, list[dict]]:
  """The best share, and the figures of all.

  Args:
    parts: the generator.
    params: trained.
    counts: the variables that are not trained.
    bias: of the candidates as they were fitted.
    count: the number of validation requests of each kind.
    shares: those that are tried; of equal ones the first is taken.

  Returns:
    The share, 1 where there are no validation requests, and rows
    `{"share", kind: recall@10}`.
  """
  requests = validation_requests(parts, count=count)
  if not requests:
    return 1.0, []
  own = hosts.own_copy(params | counts)
  retriever = Retriever(parts.model, own, parts.semantic_ids, batch_size=_BATCH)
  rows = [
    {"share": share}
    | recalls(
      retriever.with_variables(with_share(own, share, bias=bias)), requests
    )
    for share in shares
  ]
  best = max(rows, key=lambda row: sum(row[some.kind] for some in requests))
  if hosts.is_first():
    print(_sentence(best, rows), file=sys.stderr, flush=True)
  return best["share"], rows


def _sentence(best: dict, rows: Sequence[dict]) -> str:
  def spoken(row: dict) -> str:
    kinds = {name: x for name, x in row.items() if name != "share"}
    return ", ".join(f"{name} {x:.3f}" for name, x in kinds.items())

  return (
    f"network: a share of {best['share']:g} of its scores is used; recall@10 "
    "on validation requests: "
    + "; ".join(f"share {row['share']:g}: {spoken(row)}" for row in rows)
  )


def with_best_share(
  params: Any, counts: Any, untrained: Untrained, directory: pathlib.Path
) -> Any:
  """The parameters, of the network as much as validation wants."""
  if untrained.candidates is None:
    return params
  count = untrained.section.candidates.get("share_requests", 0)
  if not count:
    return params
  bias = kept_prior(directory)["bias"]
  share, figures = choose(untrained, params, counts, bias=bias, count=count)
  if hosts.is_first():
    write_json(directory / NETWORK_SHARE, figures)
  return with_share(params, share, bias=bias)
